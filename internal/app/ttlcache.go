package app

import (
	"context"
	"sync"
	"time"

	"github.com/orchmetrics/orchmetrics/ports"
)

// ttlCache keeps the last collection of a paced section for as long as the section
// asked for (ports.Paced).
type ttlCache struct {
	ttl time.Duration

	mu    sync.Mutex
	last  *call[ports.Collected]
	began time.Time
	asOf  time.Time // the instant of the scrape that began it, in full
}

// get returns the last collection if it began less than the ttl ago, and else
// begins one. Scrapes that overlap share it while it is under way.
func (c *ttlCache) get(ctx context.Context, start func() *call[ports.Collected]) (ports.Collected, error) {
	c.mu.Lock()
	hit := c.last != nil && time.Since(c.began) < c.ttl && usable(c.last)
	if !hit {
		at, _ := ports.InstantOf(ctx) // which every scrape has
		c.last, c.began, c.asOf = start(), time.Now(), time.UnixMilli(at.UnixMS)
	}
	last, asOf := c.last, c.asOf
	c.mu.Unlock()

	collected, err := last.wait(ctx)
	if hit && err == nil && collected.AsOf == nil {
		collected.AsOf = &asOf
	}
	return collected, err
}

// usable tells whether a collection may be shown in a later scrape. A failed one never
// is, and neither is one that hangs.
func usable(c *call[ports.Collected]) bool {
	select {
	case <-c.done:
		return c.err == nil
	default:
		return c.over() == nil
	}
}
