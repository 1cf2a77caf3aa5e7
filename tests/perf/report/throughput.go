package main

import (
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// throughput is how many answers many clients get that ask again at once. There are at
// most 60 scrapes a second, each of which answers all who wait, so that there is a most
// that they can get; how near the answers come tells what all but the scrape costs.
func (l *lab) throughput() []row {
	const clients, scrapes = 32, 60
	service := l.service(l.world(perf.Of(l.plan.Rows), true))
	var rates []float64
	for range l.plan.Rounds {
		rates = append(rates, flood(service, clients, l.plan.Window))
	}
	service.stop()
	return []row{atLeast(fmt.Sprintf("throughput, %d clients, %s rows: of the answers that %d scrapes a second give them",
		clients, perf.Words(l.plan.Rows), scrapes), 80, 100*median(rates)/(clients*scrapes), " %",
		fmt.Sprintf("%s/s of %d/s; the clients share the processors with the server", digits(median(rates)), clients*scrapes))}
}

// flood polls with so many clients as fast as they are answered, and returns how
// many answers a second there were.
func flood(t *target, clients int, long time.Duration) (rate float64) {
	c := crowd{clients: clients}
	c.poll(t, func() { rate, _ = c.count(long) })
	return rate
}
