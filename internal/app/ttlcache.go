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
	last  *call[ports.Collected] // nil if there is none to be shown again
	began time.Time
	asOf  time.Time // the instant of the scrape that began it, in full
}

// get returns the last collection if it began less than the ttl ago, and else
// begins one. Scrapes that overlap share it while it is under way. One that failed is
// never shown in a later scrape, and neither is one that hangs.
func (c *ttlCache) get(ctx context.Context, start func() *call[ports.Collected]) (ports.Collected, error) {
	c.mu.Lock()
	hit := c.last != nil && time.Since(c.began) < c.ttl
	if !hit {
		at, _ := ports.InstantOf(ctx) // which every scrape has
		c.last, c.began, c.asOf = start(), time.Now(), time.UnixMilli(at.UnixMS)
	}
	last, asOf := c.last, c.asOf
	c.mu.Unlock()

	collected, err := last.wait(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && c.last == last {
		c.last = nil
	}
	if hit && err == nil && collected.AsOf == nil {
		collected.AsOf = &asOf
	}
	return collected, err
}
