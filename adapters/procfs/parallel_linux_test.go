package procfs

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

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

// watched is a context that is asked once for each process that is read, and notes
// how many ask at the same time.
type watched struct {
	asked        func(times int64)
	times        atomic.Int64
	now, atATime atomic.Int64
}

func (w *watched) Err() error {
	w.asked(w.times.Add(1))
	for now := w.now.Add(1); ; {
		most := w.atATime.Load()
		if now <= most || w.atATime.CompareAndSwap(most, now) {
			break
		}
	}
	time.Sleep(100 * time.Microsecond) // long enough to meet
	w.now.Add(-1)
	return nil
}

func (*watched) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }
func (*watched) Done() <-chan struct{}                   { return nil }
func (*watched) Value(any) any                           { return nil }

func TestReadEach(t *testing.T) {
	t.Parallel()
	for _, readers := range []int{1, 2, 3, 4} {
		for size := range int64(9) {
			var pids []int64
			for n := range size {
				pids = append(pids, maxPID-n)
			}
			ctx := &watched{asked: func(int64) {}}
			readings := readEach(ctx, &processReader{root: noProcesses(t)}, pids, readers)
			require.Len(t, readings, len(pids))
			for i, read := range readings {
				assert.Equal(t, pids[i], read.pid)
				require.ErrorIs(t, read.err, unix.ENOENT)
			}
			assert.Equal(t, size, ctx.times.Load(), "each is read once")
			assert.LessOrEqual(t, ctx.atATime.Load(), int64(readers))
		}
	}
}

// TestReadEach_Panics: what panics beside the caller does so in the caller, once all
// readers have come to an end.
func TestReadEach_Panics(t *testing.T) {
	t.Parallel()
	ctx := &watched{asked: func(times int64) {
		if times == 1 {
			panic("no such thing")
		}
	}}
	assert.PanicsWithValue(t, "no such thing", func() { readEach(ctx, &processReader{root: noProcesses(t)}, []int64{1, 2, 3, 4, 5, 6}, 4) })
	assert.Equal(t, int64(1+2+2), ctx.times.Load(), "the others, of two processes each")
}

// noProcesses is the descriptor of a mount without any process.
func noProcesses(t *testing.T) descriptor {
	t.Helper()
	root, err := descriptor(unix.AT_FDCWD).open(t.TempDir(), asDirectory)
	require.NoError(t, err)
	t.Cleanup(root.close)
	return root
}
