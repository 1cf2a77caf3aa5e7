package app_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

type pacedSection struct {
	section

	interval, timeout time.Duration
}

func (p pacedSection) MinInterval() time.Duration { return p.interval }
func (p pacedSection) Timeout() time.Duration     { return p.timeout }

func TestPaced_ShowsAgainAndSaysSinceWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		var fault error
		w := newWorld(t)
		w.extra = []ports.Section{pacedSection{section: section{"slow", nil, func(context.Context) (any, error) {
			calls++
			if fault != nil {
				return nil, fault
			}
			return calls, nil
		}}, interval: 10 * time.Second}}
		service := w.service(t)
		shows := func(value string, asOf *time.Time, status domain.Status) {
			t.Helper()
			envelope := scrape(t, service)
			assert.Equal(t, value, string(envelope.Extensions[0].Value))
			assert.Equal(t, asOf, envelope.Sections["slow"].AsOf)
			assert.Equal(t, status, envelope.Sections["slow"].Status)
		}
		began := now.Time().Add(250 * time.Millisecond)
		shows("1", nil, domain.StatusOK)
		time.Sleep(9 * time.Second)
		shows("1", &began, domain.StatusOK)
		time.Sleep(time.Second)
		shows("2", nil, domain.StatusOK)

		fault = errors.New("fault")
		shows("2", &began, domain.StatusOK)
		time.Sleep(10 * time.Second)
		shows("null", nil, domain.StatusFailed)
		shows("null", nil, domain.StatusFailed)
		assert.Equal(t, 4, calls, "a failure is never kept: each scrape tries again")
		fault = nil
		shows("5", nil, domain.StatusOK)
	})
}

// A degraded value is a failure in part.
func TestPaced_DegradedIsNotKept(t *testing.T) {
	var calls atomic.Int64
	w := newWorld(t)
	w.extra = []ports.Section{pacedSection{section: section{"slow", nil, func(context.Context) (any, error) {
		return calls.Add(1), errors.New("part of it is missing")
	}}, interval: time.Hour}}
	service := w.service(t)
	scrape(t, service)
	assert.Equal(t, domain.StatusDegraded, scrape(t, service).Sections["slow"].Status)
	assert.Equal(t, int64(2), calls.Load())
}

// Scrapes that overlap share one collection, and one that hangs is not waited
// for again.
func TestPaced_Overlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		release := make(chan struct{})
		w := newWorld(t)
		w.extra = []ports.Section{pacedSection{section: section{"slow", nil, func(context.Context) (any, error) {
			<-release
			return calls.Add(1), nil
		}}, interval: time.Hour}}
		service := w.service(t)
		var group sync.WaitGroup
		for _, keys := range [][]string{nil, {"slow"}, {"slow", "queue"}} { // no two share a scrape
			group.Go(func() { assert.Equal(t, domain.StatusOK, scrape(t, service, keys...).Sections["slow"].Status) })
		}
		time.Sleep(timeout / 2)
		close(release)
		group.Wait()
		assert.Equal(t, int64(1), calls.Load())
	})
}

func TestPaced_Hangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		w := newWorld(t)
		w.extra = []ports.Section{pacedSection{section: section{"slow", nil, func(context.Context) (any, error) { <-release; return 1, nil }}, interval: time.Hour}}
		service := w.service(t)
		assert.Equal(t, domain.CodeTimeout, *scrape(t, service).Sections["slow"].Code)
		assert.Equal(t, domain.CodeStuck, *scrape(t, service).Sections["slow"].Code)
		close(release)
		synctest.Wait()
		assert.Equal(t, domain.StatusOK, scrape(t, service).Sections["slow"].Status)
	})
}

func TestTimed(t *testing.T) {
	for name, tc := range map[string]struct{ asked, granted time.Duration }{
		"shorter":   {timeout / 10, timeout / 10},
		"longer":    {10 * timeout, timeout},
		"none":      {0, timeout},
		"senseless": {-time.Second, timeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.extra = []ports.Section{pacedSection{section: section{"slow", []row{}, func(ctx context.Context) (any, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				}}, timeout: tc.asked}}
				service := w.service(t)
				began := time.Now()
				report := scrape(t, service, "slow").Sections["slow"]
				assert.Equal(t, tc.granted, time.Since(began))
				assert.Equal(t, domain.StatusTimeout, report.Status)
			})
		})
	}
}

// What a section says of its value's age goes before what the service knows.
func TestCollectedAsOf(t *testing.T) {
	west := noon.In(time.FixedZone("", -3600))
	w := newWorld(t)
	w.extra = []ports.Section{section{"file", nil, returns(ports.Collected{Value: 1, AsOf: &west}, nil)}}
	asOf := scrape(t, w.service(t)).Sections["file"].AsOf
	assert.Equal(t, &noon, asOf, "in UTC")
}
