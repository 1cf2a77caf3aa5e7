package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// throughput compares many clients of the service with one of the naive version
// over a small database.
func (l *lab) throughput() []row {
	const clients, naiveRows = 32, 200
	service := l.service(l.world(perf.Of(l.plan.rows), true))
	naive := l.naive(l.world(perf.Of(naiveRows), true))
	settle()
	var many, one []float64
	for range l.plan.rounds {
		many = append(many, flood(service, clients, l.plan.window))
		one = append(one, flood(naive, 1, l.plan.window))
	}
	service.stop()
	naive.stop()
	return []row{atLeast(fmt.Sprintf("throughput, %d clients, %s rows, unchanged, against one client of the naive version at %d", clients,
		perf.Words(l.plan.rows), naiveRows), 8, ratio(median(many), median(one)), "×",
		fmt.Sprintf("%s/s against %s/s; the clients share the processors with the server", digits(median(many)), digits(median(one))))}
}

// flood polls with so many clients as fast as they are answered, and returns how
// many answers a second there were.
func flood(t *target, clients int, long time.Duration) float64 {
	answers, took := crowd(t, clients, 0, long)
	return float64(answers) / took.Seconds()
}

// crowd polls with so many clients, each of which pauses between its polls.
func crowd(t *target, clients int, pause, long time.Duration) (answers int64, took time.Duration) {
	connections := make([]*perf.Client, clients)
	for i := range connections {
		connections[i] = get(t.Dial())
	}
	var group sync.WaitGroup
	counts, errs := make([]int64, clients), make([]error, clients)
	began := time.Now()
	for i, client := range connections {
		group.Go(func() {
			defer client.Close()
			time.Sleep(pause * time.Duration(i) / time.Duration(clients)) // not all at once
			for next := time.Now(); time.Since(began) < long; {
				if _, errs[i] = client.Poll(); errs[i] != nil {
					return
				}
				counts[i]++
				next = next.Add(pause)
				time.Sleep(time.Until(next))
			}
		})
	}
	group.Wait()
	took = time.Since(began)
	for i := range connections {
		must(errs[i])
		answers += counts[i]
	}
	return answers, took
}
