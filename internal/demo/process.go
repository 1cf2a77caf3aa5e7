package demo

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"time"
)

// endGrace is how long an agent may take to end when asked. A waiting one ends
// its child first.
const endGrace = 2 * time.Second

// order is what is asked of the spawner.
type order struct {
	executable string
	kind       kind
	life       time.Duration // for a dying agent
}

// agent is a process of ours, seen from its parent.
type agent struct {
	cmd   *exec.Cmd
	stdin io.Closer     // its end is the agent's
	done  chan struct{} // closed when the process has ended and was waited for
}

// startAgent starts the process from the calling thread, to which its life is
// tied (tieToParent): it belongs on a thread that lasts.
func startAgent(o order) (*agent, error) {
	// No context: an agent ends by its pipe, since it may have a child to end first.
	cmd := exec.CommandContext(context.Background(), o.executable)
	cmd.Args = []string{o.executable, "demo-agent", string(o.kind)} // for people who look at ps
	cmd.Env = append(os.Environ(), agentVariable+"="+string(o.kind), lifeVariable+"="+o.life.String())
	tieToParent(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe for %s agent: %w", o.kind, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s agent: %w", o.kind, err)
	}
	a := &agent{cmd: cmd, stdin: stdin, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		_ = cmd.Wait() // how it ended is asked of the process state
	}()
	return a, nil
}

func (a *agent) pid() int64 { return int64(a.cmd.Process.Pid) }

// ended tells whether the process is no more.
func (a *agent) ended() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

// exitCode is NULL while the process lives, and for one that was killed.
func (a *agent) exitCode() sql.Null[int64] {
	if !a.ended() || !a.cmd.ProcessState.Exited() {
		return sql.Null[int64]{}
	}
	return sql.Null[int64]{V: int64(a.cmd.ProcessState.ExitCode()), Valid: true}
}

// endAll asks all of them to end before it waits for any; nil is none.
func endAll(agents ...*agent) {
	agents = slices.DeleteFunc(agents, func(a *agent) bool { return a == nil })
	for _, a := range agents {
		a.release()
	}
	for _, a := range agents {
		a.end()
	}
}

// release asks the process to end, and does not wait.
func (a *agent) release() { _ = a.stdin.Close() }

// end ends the process and waits for it: asked first, so that it can end its own
// child, then killed.
func (a *agent) end() {
	a.release()
	select {
	case <-a.done:
	case <-time.After(endGrace):
		_ = a.cmd.Process.Kill()
		<-a.done
	}
}
