package portstest

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// soon is how long something may take that must not block, on a slow machine.
const soon = 5 * time.Second

// callers is how many goroutines use an adapter at once.
const callers = 8

// check is one thing that a suite looks at. It speaks to a testing.TB, so that
// the suites' own tests can watch it fail.
type check[A any] struct {
	name string
	data Data
	run  func(t testing.TB, adapter A)
}

func run[A any](t *testing.T, checks []check[A], open func(testing.TB, Data) A) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { within(t, c, open) })
	}
}

// within runs a check, which fails if it does not end: an adapter that hangs must not
// hang the suite.
func within[A any](t testing.TB, c check[A], open func(testing.TB, Data) A) {
	t.Helper()
	const times = 12 // as long as what must not block at all
	bounded := &bounded{TB: t}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.run(bounded, open(bounded, c.data))
	}()
	select {
	case <-ended:
	case <-time.After(times * patience(t)):
		bounded.over.Store(true)
		t.Errorf("the check does not end")
	}
}

// bounded is a test that what goes on after its end can no longer speak to.
type bounded struct {
	testing.TB

	over atomic.Bool
}

// Errorf fails the test.
func (b *bounded) Errorf(format string, args ...any) {
	if !b.over.Load() {
		b.TB.Errorf(format, args...)
	}
}

// FailNow ends the check.
func (b *bounded) FailNow() {
	if b.over.Load() {
		runtime.Goexit()
	}
	b.TB.FailNow()
}

func (b *bounded) patience() time.Duration { return patience(b.TB) }

// reader is a method of a source.
type reader[V any] = func(context.Context) (ports.Reading[V], error)

// answer is what a source must say of some data.
type answer[V any] struct {
	name string
	data Data
	want func() V // a new one each time
}

// readings are the checks that are the same for every method of every source.
// The last answer serves those for which the value does not matter.
func readings[A, V any](method func(A) reader[V], answers ...answer[V]) []check[A] {
	checks := make([]check[A], 0, len(answers)+3)
	for _, a := range answers {
		checks = append(checks, check[A]{a.name, a.data, func(t testing.TB, adapter A) {
			requireReading(t, a.want(), method(adapter))
		}})
	}
	a := answers[len(answers)-1]
	return append(checks,
		check[A]{"values stay as they were handed out", a.data, func(t testing.TB, adapter A) {
			reading, err := method(adapter)(t.Context())
			require.NoError(t, err)
			requireReading(t, a.want(), method(adapter))
			requireEqual(t, a.want(), reading.Value, "after another reading")
		}},
		check[A]{"concurrent use", a.data, func(t testing.TB, adapter A) {
			atOnce(func() {
				for range 3 {
					reading, err := method(adapter)(t.Context())
					if assert.NoError(t, err) {
						assert.Empty(t, cmp.Diff(a.want(), reading.Value))
					}
				}
			})
		}},
		check[A]{"a context that has ended", a.data, func(t testing.TB, adapter A) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			var reading ports.Reading[V]
			var err error
			returnsSoon(t, func() { reading, err = method(adapter)(ctx) })
			if err == nil {
				requireEqual(t, a.want(), reading.Value, "a value without an error must be complete")
			}
			requireReading(t, a.want(), method(adapter)) // it is none the worse for it
		}},
	)
}

// requireReading reads, and expects all of a value with nothing lost.
func requireReading[V any](t testing.TB, want V, read reader[V]) {
	t.Helper()
	got, err := read(t.Context())
	require.NoError(t, err)
	requireEqual(t, want, got.Value, "")
	require.False(t, got.Truncated, "truncated")
	require.Zero(t, got.Anomalies, "anomalies")
}

// requireEqual compares times as the instants that they are, whatever zone they are
// written in; nil differs from what is empty.
func requireEqual(t testing.TB, want, got any, message string) {
	t.Helper()
	require.Empty(t, cmp.Diff(want, got), message)
}

// Fails checks how a source answers that cannot be read: with the zero Reading
// and an error that wraps the code, each time.
func Fails[V any](t *testing.T, code domain.Code, read func(context.Context) (ports.Reading[V], error)) {
	t.Helper()
	fails(t, code, read)
}

func fails[V any](t testing.TB, code domain.Code, read reader[V]) {
	t.Helper()
	for range 2 {
		got, err := read(t.Context())
		require.ErrorIs(t, err, code)
		require.Zero(t, got)
	}
}

// atOnce runs fn in several goroutines.
func atOnce(fn func()) {
	var group sync.WaitGroup
	for range callers {
		group.Go(fn)
	}
	group.Wait()
}

// returnsSoon fails if fn blocks.
func returnsSoon(t testing.TB, fn func()) {
	t.Helper()
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		fn()
	}()
	select {
	case <-returned:
	case <-time.After(patience(t)):
		require.FailNow(t, "it blocks")
	}
}

// patience is how long to wait. The suites' own tests, in which adapters do
// block, have less.
func patience(t testing.TB) time.Duration {
	if hurried, ok := t.(interface{ patience() time.Duration }); ok {
		return hurried.patience()
	}
	return soon
}
