package main

import (
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// throughput compares many clients of the service with one of the naive version
// over a small database.
func (l *lab) throughput() []row {
	const clients, naiveRows = 32, 200
	service := l.service(l.world(perf.Of(l.plan.Rows), true))
	naive := l.naive(l.world(perf.Of(naiveRows), true))
	var many, one []float64
	for range l.plan.Rounds {
		many = append(many, flood(service, clients, l.plan.Window))
		one = append(one, flood(naive, 1, l.plan.Window))
	}
	service.stop()
	naive.stop()
	return []row{atLeast(fmt.Sprintf("throughput, %d clients, %s rows, against one client of the naive version at %d", clients,
		perf.Words(l.plan.Rows), naiveRows), 8, ratio(median(many), median(one)), "×",
		fmt.Sprintf("%s/s against %s/s; the clients share the processors with the server", digits(median(many)), digits(median(one))))}
}

// flood polls with so many clients as fast as they are answered, and returns how
// many answers a second there were.
func flood(t *target, clients int, long time.Duration) (rate float64) {
	c := crowd{clients: clients}
	c.poll(t, func() { rate, _ = c.count(long) })
	return rate
}
