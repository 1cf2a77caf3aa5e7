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

	answers, refused atomic.Int64
	over             atomic.Bool

	mu   sync.Mutex
	took []time.Duration
}

// slowest is the time within which such a share of the answers came.
func (c *crowd) slowest(share float64) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return quantile(c.took, share)
}

// count counts for a while: the answers in a second, and the share of polls that
// were refused.
func (c *crowd) count(long time.Duration) (rate, refused float64) {
	began, answersBefore, refusedBefore := time.Now(), c.answers.Load(), c.refused.Load()
	time.Sleep(long)
	answered := c.answers.Load() - answersBefore
	turnedAway := c.refused.Load() - refusedBefore
	return float64(answered) / time.Since(began).Seconds(), ratio(turnedAway, max(1, turnedAway+answered))
}

// poll lets them poll while fn runs. They are connected before that.
func (c *crowd) poll(t *target, fn func()) {
	connections, errs := make([]*perf.Client, c.clients), make([]error, c.clients)
	for i := range connections {
		connections[i] = get(t.Dial())
	}
	var group sync.WaitGroup
	for i, client := range connections {
		group.Go(func() {
			defer client.Close()
			time.Sleep(c.pause * time.Duration(i) / time.Duration(c.clients)) // not all at once
			errs[i] = c.one(t.lab, client)
		})
	}
	func() {
		defer c.over.Store(true)
		fn()
	}()
	group.Wait()
	must(errors.Join(errs...))
}

// one is one client. Who is refused polls again after the same pause.
func (c *crowd) one(l *lab, client *perf.Client) error {
	for next := time.Now(); !c.over.Load(); time.Sleep(time.Until(next)) {
		next = next.Add(c.pause)
		took, err := client.Poll()
		if errors.Is(err, perf.ErrRefused) {
			c.refused.Add(1)
			continue
		}
		if err := l.note(err); err != nil {
			return err
		}
		c.answers.Add(1)
		c.mu.Lock()
		c.took = append(c.took, took)
		c.mu.Unlock()
	}
	return nil
}
