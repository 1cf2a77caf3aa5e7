package main

import (
	"errors"
	"time"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// target is a server and a connection to it.
type target struct {
	*perf.Server
	lab    *lab
	client *perf.Client
}

func (l *lab) target(server *perf.Server, err error) *target {
	must(err)
	l.atEnd(server.Close)
	return &target{Server: server, lab: l, client: get(server.Dial())}
}

// service starts the service over a world and waits for a complete answer.
func (l *lab) service(w *perf.World, settings ...string) *target {
	t := l.target(perf.StartService(l.program, w.DB, settings...))
	t.complete()
	return t
}

func (l *lab) naive(w *perf.World) *target {
	t := l.target(perf.StartNaive(w.DB))
	t.poll()
	return t
}

func (t *target) poll() time.Duration {
	took, err := t.client.Poll()
	must(t.lab.note(err))
	return took
}

// note counts the answers. An incomplete one is no reason to stop: the machine
// may be slow.
func (l *lab) note(err error) error {
	l.counting.Lock()
	defer l.counting.Unlock()
	l.answers++
	if code, ok := errors.AsType[perf.IncompleteError](err); ok {
		l.incomplete[string(code)]++
		return nil
	}
	return err
}

// complete polls until all sums are there, at a pace that leaves the machine to
// who counts them.
func (t *target) complete() {
	for !perf.Complete(get(t.client.Get("/metrics"))) {
		time.Sleep(10 * time.Millisecond)
	}
}

// stop ends the server before the lab closes, so that it is not in the way of
// other measures.
func (t *target) stop() {
	must(t.client.Close())
	must(t.Close())
}
