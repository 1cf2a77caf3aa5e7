package main

import (
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// unchanged compares the service with a handler that writes the same bytes from
// memory.
func (l *lab) unchanged() []row {
	service := l.service(l.world(perf.Of(l.plan.Rows), true))
	static := l.static(service)
	service.poll()
	targets, taken := []*target{service, static}, make(samples, 2)
	for began := time.Now(); time.Since(began) < time.Duration(l.plan.Rounds)*l.plan.Window; {
		for i := range targets {
			for range 20 { // a few in a row, as one alone meets the other's caches
				taken[i] = append(taken[i], targets[i].poll())
			}
		}
	}
	service.stop()
	static.stop()
	return []row{atMost(fmt.Sprintf("latency, %s rows, unchanged, against a handler that writes the same bytes", perf.Words(l.plan.Rows)),
		2, ratio(median(taken[0]), median(taken[1])), "×", fmt.Sprintf("%s against %s", spread(taken[0]), spread(taken[1])))}
}
