package app

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// guard keeps what goes wrong in one source away from everything else. It
// counts the calls that have outlived their deadline: while there is one, no new
// call is begun, so that goroutines never pile up.
type guard struct {
	late atomic.Int64
}

// panicError is a panic turned into an error. Its stack is for the log only.
type panicError struct {
	value any
	stack []byte
}

// Error says what was panicked with.
func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// Unwrap gives the panic its code.
func (p *panicError) Unwrap() error { return domain.CodePanic }

type result[T any] struct {
	value T
	err   error
}

// isolate runs fn in a goroutine of its own and returns what fn returns, but no
// later than the context ends, and an error for a panic. What a call that comes
// back late returns is dropped.
func isolate[T any](ctx context.Context, g *guard, fn func(context.Context) (T, error)) (T, error) {
	var none T
	if g.late.Load() > 0 {
		return none, fmt.Errorf("the previous call has not come back: %w", domain.CodeStuck)
	}
	results := make(chan result[T], 1)
	go func() { results <- recovered(ctx, fn) }()
	select {
	case r := <-results:
		return r.value, r.err
	case <-ctx.Done():
	}
	select {
	case r := <-results: // both were ready
		return r.value, r.err
	default:
	}
	g.late.Add(1)
	go func() {
		<-results
		g.late.Add(-1)
	}()
	return none, fmt.Errorf("no answer in time: %w", domain.CodeTimeout)
}

// recovered calls fn and turns a panic into an error. It must run on the
// goroutine that fn runs on.
func recovered[T any](ctx context.Context, fn func(context.Context) (T, error)) (r result[T]) {
	defer func() {
		if value := recover(); value != nil {
			r = result[T]{err: &panicError{value: value, stack: debug.Stack()}}
		}
	}()
	r.value, r.err = fn(ctx)
	return r
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
