package main

import (
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// cpu watches the processor time of the service at one poll a second, reading old
// rows again included.
func (l *lab) cpu() []row {
	service := l.service(l.changing(l.plan.Rows, true))
	polls := 0
	before, began := get(perf.CPU(service.PID)), time.Now()
	ticks := time.NewTicker(l.plan.Pause)
	defer ticks.Stop()
	for ; time.Since(began) < l.plan.CPU; <-ticks.C {
		service.poll()
		polls++
	}
	used, took := get(perf.CPU(service.PID))-before, time.Since(began)
	service.stop()
	return []row{atMost(fmt.Sprintf("CPU at one poll a second, %s rows, changing", perf.Words(l.plan.Rows)), 2,
		100*used.Seconds()/took.Seconds(), " % of a core", fmt.Sprintf("%s in %.0f s, %d polls", ms(used), took.Seconds(), polls))}
}
