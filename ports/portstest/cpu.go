package portstest

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Processes is a host as a reader of it is given.
type Processes struct {
	Reader ports.CPUReader
	// Live are pids of processes that the reader may see and that live as long as
	// the check; at least one.
	Live []int64
	// Gone are pids that no process has.
	Gone []int64
}

// CPUReader proves an adapter of ports.CPUReader.
func CPUReader(t *testing.T, open func(testing.TB) Processes) {
	t.Helper()
	run(t, cpuChecks(), func(t testing.TB, _ Data) Processes { return open(t) })
}

// notPIDs are numbers that no process can have.
func notPIDs() []int64 { return []int64{0, -1, math.MinInt64, math.MaxInt64, 1 << 32} }

func cpuChecks() []check[Processes] {
	checks := []check[Processes]{}
	add := func(name string, run func(testing.TB, Processes)) {
		checks = append(checks, check[Processes]{name: name, run: run})
	}
	add("clock ticks", func(t testing.TB, p Processes) {
		ticks := p.Reader.ClockTicks()
		if ticks == nil {
			assert.Nil(t, p.Reader.ClockTicks())
			return
		}
		want := *ticks
		assert.Positive(t, want)
		if again := p.Reader.ClockTicks(); assert.NotNil(t, again) {
			assert.Equal(t, want, *again)
		}
	})
	add("no pids", func(t testing.TB, p Processes) {
		assert.Empty(t, sampleOf(t, p))
	})
	add("live processes", func(t testing.TB, p Processes) {
		for _, sample := range sampleOf(t, p, p.Live...) {
			if sample.Process.Status == domain.ProcessUnsupported {
				assert.Nil(t, sample.CPUTicks)
				continue
			}
			assert.Equal(t, domain.ProcessOK, sample.Process.Status)
			if assert.NotNil(t, sample.CPUTicks) {
				assert.GreaterOrEqual(t, *sample.CPUTicks, int64(0))
			}
		}
	})
	add("processes that are gone", func(t testing.TB, p Processes) {
		for _, sample := range sampleOf(t, p, p.Gone...) {
			assert.Contains(t, []domain.ProcessStatus{domain.ProcessGone, domain.ProcessHidden, domain.ProcessUnsupported}, sample.Process.Status)
			assert.Nil(t, sample.CPUTicks)
		}
	})
	add("numbers that cannot be pids", func(t testing.TB, p Processes) {
		for _, sample := range sampleOf(t, p, notPIDs()...) {
			assert.Equal(t, domain.ProcessGone, sample.Process.Status)
			assert.Nil(t, sample.CPUTicks)
		}
	})
	add("one sample for each pid, in order", inOrder)
	add("ticks do not run backwards", func(t testing.TB, p Processes) {
		before := sampleOf(t, p, p.Live...)
		for i, after := range sampleOf(t, p, p.Live...) {
			if before[i].CPUTicks != nil && assert.NotNil(t, after.CPUTicks) {
				assert.GreaterOrEqual(t, *after.CPUTicks, *before[i].CPUTicks)
			}
		}
	})
	add("concurrent use", func(t testing.TB, p Processes) {
		atOnce(func() {
			samples, err := p.Reader.Sample(t.Context(), p.Live)
			if assert.NoError(t, err) {
				assert.Len(t, samples, len(p.Live))
			}
		})
	})
	add("a context that has ended", endedSample)
	return checks
}

// inOrder mixes live and other pids, some of them twice.
func inOrder(t testing.TB, p Processes) {
	live := p.Live[0]
	var pids []int64
	for _, other := range append(notPIDs(), p.Gone...) {
		pids = append(pids, other, live)
	}
	for i, sample := range sampleOf(t, p, pids...) {
		if sample.Process.Status != domain.ProcessUnsupported {
			assert.Equal(t, pids[i] == live, sample.Process.Status == domain.ProcessOK, "sample %d", i)
		}
	}
}

func endedSample(t testing.TB, p Processes) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var samples []ports.Sample
	var err error
	returnsSoon(t, func() { samples, err = p.Reader.Sample(ctx, p.Live) })
	require.Len(t, samples, len(p.Live), "the samples come with the error")
	for _, sample := range samples {
		if sample.Process == nil {
			require.Error(t, err, "a sample was not taken")
			assert.Nil(t, sample.CPUTicks)
		}
	}
}

// sampleOf expects a sample of each pid.
func sampleOf(t testing.TB, p Processes, pids ...int64) []ports.Sample {
	t.Helper()
	samples, err := p.Reader.Sample(t.Context(), pids)
	require.NoError(t, err)
	require.Len(t, samples, len(pids))
	for i, sample := range samples {
		require.NotNil(t, sample.Process, "process of pid %d", pids[i])
	}
	return samples
}
