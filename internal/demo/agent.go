package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// kind is what an agent's process does, which is what the service must tell
// apart by looking at it from the outside.
type kind string

const (
	kindBusy    kind = "busy"    // uses the CPU, gently
	kindIdle    kind = "idle"    // sleeps, as an agent that waits for its model
	kindWaiting kind = "waiting" // idle itself, waits for a busy child
	kindDying   kind = "dying"   // ends by itself while its job still says running
)

// The marks in an agent's environment.
const (
	agentVariable = "ORCH_DEMO_AGENT"      // its kind; makes a process an agent
	lifeVariable  = "ORCH_DEMO_AGENT_LIFE" // how long a dying one has
)

// A busy agent works 50 ms out of 200: a quarter of a core, enough for its ticks
// to grow each second and too little to warm a laptop.
const (
	burnFor = 50 * time.Millisecond
	restFor = 150 * time.Millisecond
)

var (
	errDied        = errors.New("agent died, as it was told to")
	errChildGone   = errors.New("the child ended by itself")
	errUnknownKind = errors.New("unknown kind of agent")
)

// RunAgent makes this process an agent if it was started as one, and returns
// when the agent has ended. It is called first thing in main, before flags are
// read and anything is opened; if it reports true, main returns.
func RunAgent() bool {
	what, marked := os.LookupEnv(agentVariable)
	if !marked {
		return false
	}
	// Ctrl-C, and the end of the terminal, reach every process of it. The demo ends
	// its agents itself; dying before that would look like failed jobs.
	signal.Ignore(os.Interrupt, syscall.SIGHUP)
	if err := runAgent(untilOrphaned(os.Stdin), kind(what)); err != nil {
		fmt.Fprintln(os.Stderr, "demo agent:", err)
		os.Exit(1)
	}
	return true
}

// untilOrphaned returns a context that ends when the other end of the pipe is
// closed: by the parent that wants the agent to end, or by the kernel when the
// parent is no more, whatever killed it.
func untilOrphaned(pipe io.Reader) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, pipe)
	}()
	return ctx
}

func runAgent(ctx context.Context, what kind) error {
	switch what {
	case kindBusy:
		beBusy(ctx)
		return nil
	case kindIdle:
		<-ctx.Done()
		return nil
	case kindWaiting:
		return beWaiting(ctx)
	case kindDying:
		return beDying(ctx)
	default:
		return fmt.Errorf("%w: %q", errUnknownKind, what)
	}
}

func beBusy(ctx context.Context) {
	for ctx.Err() == nil {
		burn(burnFor)
		pause(ctx, restFor)
	}
}

// burn spins: reading the clock is work like any other.
func burn(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
	}
}

// pause sleeps unless the context ends before.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func beWaiting(ctx context.Context) error {
	runtime.LockOSThread() // the child is tied to this thread: see spawner
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find executable: %w", err)
	}
	child, err := startAgent(order{executable: self, kind: kindBusy})
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		child.end()
		return nil
	case <-child.done:
		return errChildGone
	}
}

func beDying(ctx context.Context) error {
	life, err := time.ParseDuration(os.Getenv(lifeVariable))
	if err != nil {
		return fmt.Errorf("read lifetime: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(life):
		return errDied
	}
}
