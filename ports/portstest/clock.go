package portstest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Clock proves an adapter of ports.Clock. A clock that stands still will do.
func Clock(t *testing.T, open func(testing.TB) ports.Clock) {
	t.Helper()
	run(t, clockChecks(), func(t testing.TB, _ Data) ports.Clock { return open(t) })
}

func clockChecks() []check[ports.Clock] {
	return []check[ports.Clock]{
		{name: "a time that JSON can show", run: func(t testing.TB, clock ports.Clock) {
			at := clock.Now().Time()
			assert.Equal(t, time.UTC, at.Location())
			assert.True(t, at.Year() >= 1970 && at.Year() <= 9999, "%s", at)
		}},
		{name: "the boot and its time", run: func(t testing.TB, clock ports.Clock) {
			before := clock.Now()
			for range 100 {
				now := clock.Now()
				requireLater(t, before, now)
				before = now
			}
		}},
		{name: "values stay as they were handed out", run: func(t testing.TB, clock ports.Clock) {
			now := clock.Now()
			before := domain.Instant{UnixMS: now.UnixMS, BoottimeMS: clone(now.BoottimeMS), BootID: clone(now.BootID)}
			clock.Now()
			assert.Equal(t, before, now)
		}},
		{name: "concurrent use", run: func(t testing.TB, clock ports.Clock) {
			before := clock.Now()
			atOnce(func() {
				requireLater(t, before, clock.Now())
			})
		}},
	}
}

// requireLater compares what does not follow the wall clock, which may be set.
func requireLater(t testing.TB, before, after domain.Instant) {
	t.Helper()
	assert.Equal(t, before.BootID, after.BootID, "boot id")
	assert.Equal(t, before.BoottimeMS == nil, after.BoottimeMS == nil, "boot time known or not")
	if before.BoottimeMS != nil && after.BoottimeMS != nil {
		assert.GreaterOrEqual(t, *after.BoottimeMS, *before.BoottimeMS, "boot time")
	}
}

func clone[T any](value *T) *T {
	if value == nil {
		return nil
	}
	return new(*value)
}
