package main

import (
	"fmt"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// pollers are many clients at the same time, who share scrapes. Scrapes are counted
// from outside: each opens the database once.
func (l *lab) pollers() []row {
	w := l.changing(l.plan.Rows, true)
	service := l.service(w)
	c := crowd{clients: l.plan.Pollers, pause: l.plan.Pause}
	var opened int64
	var rate, refused float64
	long := l.plan.Window * 2 * 3
	c.poll(service, func() {
		opens := get(perf.WatchOpens(w.DB))
		rate, refused = c.count(long)
		opened = get(opens.Stop())
	})
	service.stop()
	clients := perf.Words(int64(l.plan.Pollers))
	return []row{
		atMost(clients+" pollers, each once a second: scrapes", 60, float64(opened)/long.Seconds(), " a second",
			fmt.Sprintf("%s answers/s, %s %% refused", digits(rate), digits(100*refused))),
		atMost("the same: 99 of 100 answers within", 100, c.slowest(0.99).Seconds()*1000, " ms", "the median "+ms(c.slowest(0.5))),
	}
}
