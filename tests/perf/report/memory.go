package main

import (
	"fmt"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// memory looks at the most memory that the service ever had, its first count
// included. Each scrape meets a new commit.
func (l *lab) memory() []row {
	size := perf.Of(l.plan.Rows)
	size.ActiveTasks = min(1000, size.Rows/4)
	w := l.world(size, true)
	service := l.service(w)
	atFirst := get(perf.PeakMemory(service.PID))
	for range l.plan.Scrapes {
		must(w.Step())
		service.poll()
	}
	peak, program := get(perf.PeakMemory(service.PID)), get(perf.FileMemory(service.PID))
	service.stop()
	return []row{atMost(fmt.Sprintf("peak memory after %s scrapes, %s rows, %s active tasks", perf.Words(int64(l.plan.Scrapes)),
		perf.Words(size.Rows), perf.Words(size.ActiveTasks)), 36, mib(peak), " MB", digits(mib(atFirst))+" MB after the first complete answer; at the end "+
		digits(mib(program))+" MB were pages of the program's file")}
}

// mib is what the kernel's tools call megabytes, too.
func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
