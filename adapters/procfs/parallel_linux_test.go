package procfs

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// TestManyAtOnce: of some hundred processes that are read several at once each has its own
// numbers, those of its child are in its tree, and what is no process is gone.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	const first, processes, child, ended = 1_000, 300, 100_000, 300_000
	m := newMount(t)
	var pids []int64
	for n := range int64(processes) {
		m.process(stat{pid: first + n, ppid: 1, utime: n}, child+n)
		m.process(stat{pid: child + n, ppid: first + n, utime: 7})
		pids = append(pids, ended+n, first+n)
	}
	samples, err := m.reader().Sample(background(), pids)
	require.NoError(t, err)
	for n := range int64(processes) {
		assert.Equal(t, domain.ProcessGone, samples[2*n].Process.Status)
		assertTree(t, n+7, 2, samples[2*n+1])
		assert.Equal(t, n, *samples[2*n+1].CPUTicks)
	}
}

// TestContextEndsAmongMany: what was read before is there, and what comes after is not.
func TestContextEndsAmongMany(t *testing.T) {
	t.Parallel()
	const first, processes, ofOneReader = 1_000, 400, 400 / maxReaders
	m := newMount(t)
	var pids []int64
	for n := range int64(processes) {
		m.process(stat{pid: first + n, ppid: 1})
		pids = append(pids, first+n)
	}
	ctx, cancel := context.WithCancel(background())
	opened := m.cancelAt(cancel, "1001/stat")
	samples, err := m.reader().Sample(ctx, pids)
	assert.Equal(t, 1, opened())
	require.ErrorIs(t, err, context.Canceled)
	assert.NotNil(t, samples[0].CPUTicks)
	assert.Equal(t, ports.Sample{}, samples[ofOneReader-1])
}

func TestInParts(t *testing.T) {
	t.Parallel()
	for _, parts := range []int{1, 2, 3, 4} {
		for size := range 9 {
			list := make([]int, size)
			var calls atomic.Int64
			inParts(list, parts, func(part []int) {
				calls.Add(1)
				for i := range part {
					part[i]++
				}
			})
			for _, times := range list {
				assert.Equal(t, 1, times)
			}
			assert.LessOrEqual(t, calls.Load(), int64(parts))
		}
	}
}

// TestInParts_Panics: what panics beside the caller does so in the caller, once all
// parts have come to an end.
func TestInParts_Panics(t *testing.T) {
	t.Parallel()
	var others atomic.Int64
	assert.PanicsWithValue(t, "no such thing", func() {
		inParts([]int{1, 2, 3, 4}, 4, func(part []int) {
			if part[0] == 2 {
				panic("no such thing")
			}
			others.Add(1)
		})
	})
	assert.Equal(t, int64(3), others.Load())
}
