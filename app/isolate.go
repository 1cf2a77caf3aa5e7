package app

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// guard keeps what goes wrong in one source away from everything else. While a
// call has outlived its context, no new one is begun, so that goroutines never
// pile up.
type guard struct {
	mu    sync.Mutex
	calls map[*context.Context]struct{} // those under way
}

// enter registers a call, and refuses while another is overdue.
func (g *guard) enter(ctx context.Context) (leave func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for other := range g.calls {
		if (*other).Err() != nil {
			return nil, false
		}
	}
	if g.calls == nil {
		g.calls = map[*context.Context]struct{}{}
	}
	g.calls[&ctx] = struct{}{}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.calls, &ctx)
	}, true
}

// idle tells whether no call is under way.
func (g *guard) idle() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.calls) == 0
}

// failure is an error that has been looked at: nothing that a foreign error's
// methods do can harm whoever looks at it again.
type failure struct {
	text  string
	code  domain.Code
	stack string // of a panic, for the log only
}

// Error is the cause, for the log.
func (f *failure) Error() string { return f.text }

// Unwrap gives the failure its code.
func (f *failure) Unwrap() error { return f.code }

// settle looks at an error once.
func settle(err error) error {
	if err == nil {
		return nil
	}
	settled := &failure{text: err.Error(), code: codeOf(err)}
	if inner := (*failure)(nil); errors.As(err, &inner) {
		settled.stack = inner.stack
	}
	return settled
}

// call is one call of a source, which several may wait for.
type call[T any] struct {
	done  chan struct{} // closed when value and err are there
	value T
	err   error
}

// begin calls fn in a goroutine of its own, unless an earlier call is overdue.
func begin[T any](ctx context.Context, g *guard, fn func(context.Context) (T, error)) *call[T] {
	c := &call[T]{done: make(chan struct{})}
	leave, ok := g.enter(ctx)
	if !ok {
		c.err = fmt.Errorf("the previous call has not come back: %w", domain.CodeStuck)
		close(c.done)
		return c
	}
	c.err = &failure{text: "the call ended its goroutine", code: domain.CodePanic} // unless it returns
	go func() {
		defer close(c.done)
		defer leave()
		c.value, c.err = recovered(ctx, fn)
	}()
	return c
}

// wait returns what the call returns, but no later than the context ends. What
// comes after that is dropped.
func (c *call[T]) wait(ctx context.Context) (T, error) {
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
	}
	select {
	case <-c.done: // both were ready
		return c.value, c.err
	default:
		var none T
		return none, fmt.Errorf("no answer in time: %w", domain.CodeTimeout)
	}
}

// isolate runs fn in a goroutine of its own and returns what fn returns, but no
// later than the context ends, and an error for a panic.
func isolate[T any](ctx context.Context, g *guard, fn func(context.Context) (T, error)) (T, error) {
	return begin(ctx, g, fn).wait(ctx)
}

// recovered calls fn and settles its error; a panic, of the error's methods too,
// becomes an error. It must run on the goroutine that fn runs on.
func recovered[T any](ctx context.Context, fn func(context.Context) (T, error)) (value T, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			var none T
			value = none
			err = &failure{text: fmt.Sprintf("panic: %v", cause), code: domain.CodePanic, stack: string(debug.Stack())}
		}
	}()
	value, err = fn(ctx)
	return value, settle(err)
}

// early returns a context that ends a tenth before the given one would, so that
// a section whose source hangs still has time to answer with what it has.
func early(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-time.Until(deadline)/10))
}
