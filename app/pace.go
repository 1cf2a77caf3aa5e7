package app

import (
	"context"
	"sync"
	"time"

	"github.com/orchmetrics/orchmetrics/ports"
)

// pace keeps a section's last collection for as long as the section asked for.
type pace struct {
	interval time.Duration

	mu   sync.Mutex
	last *paced
}

// paced is a collection that later scrapes may show again.
type paced struct {
	call  *call[ports.Collected]
	began time.Time
	asOf  *time.Time   // the instant of the scrape that began it
	over  func() error // not nil once that scrape has given it up
}

// collect returns a collection that began less than the interval ago, or begins
// one. Scrapes that overlap share it while it is under way.
func (p *pace) collect(ctx context.Context, start func() *call[ports.Collected]) (ports.Collected, error) {
	if p == nil {
		return start().wait(ctx)
	}
	p.mu.Lock()
	shared := p.last
	again := shared.usable(p.interval)
	if !again {
		shared = &paced{began: time.Now(), call: start(), asOf: instantAsOf(ctx), over: ctx.Err}
		p.last = shared
	}
	p.mu.Unlock()

	collected, err := shared.call.wait(ctx)
	if again && err == nil && collected.AsOf == nil {
		collected.AsOf = shared.asOf
	}
	return collected, err
}

// usable tells whether the collection may be shown again. A failed one never is,
// and neither is one that hangs.
func (p *paced) usable(interval time.Duration) bool {
	if p == nil || time.Since(p.began) >= interval {
		return false
	}
	select {
	case <-p.call.done:
		return p.call.err == nil
	default:
		return p.over() == nil
	}
}

func instantAsOf(ctx context.Context) *time.Time {
	at, ok := ports.InstantOf(ctx)
	if !ok {
		return nil
	}
	asOf := time.UnixMilli(at.UnixMS).UTC()
	return &asOf
}
