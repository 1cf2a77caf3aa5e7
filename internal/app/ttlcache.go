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

	mu   sync.Mutex
	last *cached
}

// cached is a collection that later scrapes may show.
type cached struct {
	call  *call[ports.Collected]
	began time.Time
	asOf  *time.Time   // the instant of the scrape that began it
	over  func() error // not nil once that scrape has given it up
}

// get returns the last collection if it began less than the ttl ago, and else
// begins one. Scrapes that overlap share it while it is under way.
func (c *ttlCache) get(ctx context.Context, start func() *call[ports.Collected]) (ports.Collected, error) {
	c.mu.Lock()
	last := c.last
	hit := last != nil && last.usable(c.ttl)
	if !hit {
		last = &cached{began: time.Now(), call: start(), asOf: asOf(ctx), over: ctx.Err}
		c.last = last
	}
	c.mu.Unlock()

	collected, err := last.call.wait(ctx)
	if hit && err == nil && collected.AsOf == nil {
		collected.AsOf = last.asOf
	}
	return collected, err
}

// usable tells whether the collection may be shown. A failed one never is, and
// neither is one that hangs.
func (c *cached) usable(ttl time.Duration) bool {
	if time.Since(c.began) >= ttl {
		return false
	}
	select {
	case <-c.call.done:
		return c.call.err == nil
	default:
		return c.over() == nil
	}
}

// asOf is the instant of a scrape in full.
func asOf(ctx context.Context) *time.Time {
	at, ok := ports.InstantOf(ctx)
	if !ok {
		return nil
	}
	return new(time.UnixMilli(at.UnixMS).UTC())
}
