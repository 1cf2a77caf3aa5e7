package logging

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// burst is how many lines of one message may come at once; after that there are
	// perSecond.
	burst     = 100
	perSecond = 1
	// maxKinds bounds what is remembered of what was said. Messages are constants
	// of the program, so there are fewer.
	maxKinds = 1000
)

// limiter passes on so many lines of one message, whatever their attributes: what
// may come with each request must not fill a disk. A line says how many of its
// kind were left out before it.
type limiter struct {
	slog.Handler

	*allowances
}

// allowances are shared by a handler and those that are made of it.
type allowances struct {
	mu    sync.Mutex
	kinds map[kind]*allowance
}

type kind struct {
	level   slog.Level
	message string
}

type allowance struct {
	rate       *rate.Limiter
	suppressed int
}

func newLimiter(next slog.Handler) *limiter {
	return &limiter{Handler: next, allowances: &allowances{kinds: map[kind]*allowance{}}}
}

// Handle implements slog.Handler.
func (l *limiter) Handle(ctx context.Context, line slog.Record) error {
	suppressed, pass := l.pass(kind{line.Level, line.Message}, time.Now())
	if !pass {
		return nil
	}
	if suppressed > 0 {
		line = line.Clone()
		line.AddAttrs(slog.Int("suppressed", suppressed))
	}
	return l.Handler.Handle(ctx, line) //nolint:wrapcheck // passed on
}

// WithAttrs implements slog.Handler.
func (l *limiter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &limiter{Handler: l.Handler.WithAttrs(attrs), allowances: l.allowances}
}

// WithGroup implements slog.Handler.
func (l *limiter) WithGroup(name string) slog.Handler {
	return &limiter{Handler: l.Handler.WithGroup(name), allowances: l.allowances}
}

// pass tells whether a line may be written, and how many before it were not.
func (a *allowances) pass(k kind, now time.Time) (suppressed int, pass bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	its, known := a.kinds[k]
	if !known {
		if len(a.kinds) >= maxKinds {
			clear(a.kinds)
		}
		its = &allowance{rate: rate.NewLimiter(perSecond, burst)}
		a.kinds[k] = its
	}
	if !its.rate.AllowN(now, 1) {
		its.suppressed++
		return 0, false
	}
	suppressed, its.suppressed = its.suppressed, 0
	return suppressed, true
}
