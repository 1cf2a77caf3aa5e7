package main

import (
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// start compares how long a new process takes to its first complete answer with
// one that reads everything, from the moment on when both serve. Meanwhile
// /livez is asked all the time.
func (l *lab) start() []row {
	w := l.changing(l.plan.Rows, true)
	var counted, exact, lives []time.Duration
	for range l.plan.Rounds {
		took, slowest := l.first(w)
		counted, lives = append(counted, took), append(lives, slowest)
		took, _ = l.first(w, "ORCH_EXACT=true", "ORCH_SECTION_TIMEOUT=1m")
		exact = append(exact, took)
	}
	return []row{
		atMost(fmt.Sprintf("start to first complete answer, %s rows, against an exact pass", perf.Words(l.plan.Rows)), 1.2,
			ratio(median(counted), median(exact)), "×", fmt.Sprintf("%s against %s", ms(median(counted)), ms(median(exact)))),
		{"`/livez` while it counts", "at once", ms(median(lives)), verdictOf(median(lives) < median(exact)/4), "the slowest of each start"},
	}
}

// first starts the service, and returns how long it takes to answer completely
// and the slowest answer of /livez until then.
func (l *lab) first(w *perf.World, settings ...string) (took, slowest time.Duration) {
	t := l.target(perf.StartService(l.program, w.DB, settings...))
	lives := get(t.Dial())
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			began := time.Now()
			if _, err := lives.Get("/livez"); err != nil {
				stopped <- err
				return
			}
			slowest = max(slowest, time.Since(began))
			select {
			case <-stop:
				stopped <- nil
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	began := time.Now()
	t.complete()
	took = time.Since(began)
	close(stop)
	must(<-stopped)
	must(lives.Close())
	t.stop()
	return took, slowest
}
