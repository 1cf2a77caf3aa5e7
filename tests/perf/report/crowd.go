package main

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// crowd are clients that poll at the same time.
type crowd struct {
	clients int
	pause   time.Duration // from one poll of a client to its next
	long    time.Duration

	// What came of it:
	answers, refused atomic.Int64
	took             time.Duration
}

func (c *crowd) rate() float64 { return float64(c.answers.Load()) / c.took.Seconds() }

// poll lets them poll. They are connected before that.
func (c *crowd) poll(t *target) {
	connections, errs := make([]*perf.Client, c.clients), make([]error, c.clients)
	for i := range connections {
		connections[i] = get(t.Dial())
	}
	var group sync.WaitGroup
	began := time.Now()
	for i, client := range connections {
		group.Go(func() {
			defer client.Close()
			time.Sleep(c.pause * time.Duration(i) / time.Duration(c.clients)) // not all at once
			errs[i] = c.one(t.lab, client, began.Add(c.long))
		})
	}
	group.Wait()
	c.took = time.Since(began)
	must(errors.Join(errs...))
}

// one is one client. Who is refused polls again after the same pause.
func (c *crowd) one(l *lab, client *perf.Client, until time.Time) error {
	for next := time.Now(); time.Now().Before(until); time.Sleep(time.Until(next)) {
		next = next.Add(c.pause)
		_, err := client.Poll()
		if errors.Is(err, perf.ErrRefused) {
			c.refused.Add(1)
			continue
		}
		if err := l.note(err); err != nil {
			return err
		}
		c.answers.Add(1)
	}
	return nil
}
