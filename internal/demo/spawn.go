package demo

import (
	"errors"
	"runtime"
	"time"
)

var errSpawnerClosed = errors.New("the spawner is closed")

// spawner starts agents, all from one thread.
//
// No agent may outlive the demo, even one that is killed with no time to clean
// up. Two things see to it. Each agent reads a pipe whose other end only its
// parent holds, and ends when that end is closed. And on Linux the kernel kills
// the child when its parent ends; but by parent it means the thread that forked,
// and the Go runtime ends threads as it likes. So the forks are made by one
// goroutine that is locked to its thread for as long as there are agents.
type spawner struct {
	executable string
	orders     chan placed
	quit       chan struct{}
	gone       chan struct{}
}

type placed struct {
	order order
	reply chan<- delivery
}

type delivery struct {
	agent *agent
	err   error
}

func newSpawner(executable string) *spawner {
	s := &spawner{
		executable: executable,
		orders:     make(chan placed),
		quit:       make(chan struct{}),
		gone:       make(chan struct{}),
	}
	go s.serve()
	return s
}

func (s *spawner) serve() {
	defer close(s.gone)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread() // by then the agents have ended
	for {
		select {
		case p := <-s.orders:
			a, err := startAgent(p.order)
			p.reply <- delivery{agent: a, err: err}
		case <-s.quit:
			return
		}
	}
}

// spawn starts one agent.
func (s *spawner) spawn(what kind, life time.Duration) (*agent, error) {
	reply := make(chan delivery, 1)
	select {
	case s.orders <- placed{order: order{executable: s.executable, kind: what, life: life}, reply: reply}:
		d := <-reply
		return d.agent, d.err
	case <-s.gone:
		return nil, errSpawnerClosed
	}
}

// close gives the thread back. It is called once, after the agents have ended.
func (s *spawner) close() {
	close(s.quit)
	<-s.gone
}
