package app

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// This file keeps what goes wrong in one source away from everything else: begin
// calls it in a goroutine of its own, wait gives it up when its time is over, a
// panic becomes an error, and a source that hangs is not called again.

// guard knows the calls that are under way, as keys of the type *underWay. While one of
// them has outlived its context, no other of its source is begun, so that goroutines never
// pile up.
type guard struct{ calls sync.Map }

type underWay struct {
	source string
	over   func() error // not nil once its context has ended
}

// call is one call of a source, for which several may wait.
type call[T any] struct {
	underWay

	done  chan struct{} // closed when value and err are there
	value T
	err   error
}

// begin calls fn in a goroutine of its own, unless an earlier call of the source is overdue.
func begin[T any](ctx context.Context, g *guard, source string, fn func(context.Context) (T, error)) *call[T] {
	c := &call[T]{underWay: underWay{source, ctx.Err}, done: make(chan struct{})}
	for key := range g.calls.Range {
		if other, is := key.(*underWay); is && other.source == source && other.over() != nil {
			c.err = fmt.Errorf("the previous call has not come back: %w", domain.CodeStuck)
			close(c.done)
			return c
		}
	}
	g.calls.Store(&c.underWay, nil)
	c.err = &frozenError{text: "the call ended its goroutine", code: domain.CodePanic} // unless it returns
	go func() {
		defer close(c.done)
		defer g.calls.Delete(&c.underWay)
		c.value, c.err = recovered(func() (T, error) { return fn(ctx) })
	}()
	return c
}

// wait returns what the call returns, but no later than the context ends. What
// comes after that is dropped.
func (c *call[T]) wait(ctx context.Context) (T, error) {
	select {
	case <-c.done:
	case <-ctx.Done():
	}
	select {
	case <-c.done: // also if both were ready
		return c.value, c.err
	default:
		return *new(T), fmt.Errorf("no answer in time: %w", domain.CodeTimeout)
	}
}

// recovered calls fn. A panic becomes an error, and an error is asked once all that is
// needed of it: its methods may panic, or change what they say.
func recovered[T any](fn func() (T, error)) (value T, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			value = *new(T)
			err = &frozenError{text: fmt.Sprintf("panic: %v", cause), code: domain.CodePanic, stack: string(debug.Stack())}
		}
	}()
	value, err = fn()
	if err == nil {
		return value, nil
	}
	frozen := &frozenError{text: err.Error(), code: codeOf(err)}
	if inner, is := errors.AsType[*frozenError](err); is {
		frozen.stack = inner.stack
	}
	return value, frozen
}

// frozenError is what a foreign error said.
type frozenError struct {
	text  string
	code  domain.Code
	stack string // of a panic, for the log only
}

// Error is the cause, for the log.
func (f *frozenError) Error() string { return f.text }

// Unwrap gives the error its code.
func (f *frozenError) Unwrap() error { return f.code }

// codeOf returns the code that an error shows as: that of the first error in it
// that has one.
func codeOf(err error) domain.Code {
	if code, has := errors.AsType[domain.Code](err); has {
		return code
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return domain.CodeTimeout
	}
	return domain.CodeSourceFailed
}

// joined is the error of a section that has several sources: what each of them says, once,
// since those that share a database share its fault. What is left out on purpose is null
// and no fault, unless there is nothing else: no value is known and nothing went wrong.
func joined(known bool, errs ...error) error {
	var faults []error
	var leftOut error
	for _, err := range errs {
		same := func(other error) bool { return other.Error() == err.Error() }
		switch {
		case err == nil, slices.ContainsFunc(faults, same):
		case codeOf(err) == domain.CodeNotInProfile:
			leftOut = err
		default:
			faults = append(faults, err)
		}
	}
	if len(faults) == 0 && !known {
		return leftOut
	}
	return errors.Join(faults...)
}

// withMargin returns a context that ends a tenth before the given one would, so that
// a section whose source hangs still has time to answer with what it has.
func withMargin(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-time.Until(deadline)/10))
}
