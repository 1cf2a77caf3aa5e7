package procfs

import (
	"context"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

func TestSampleInFull(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1, state: 'D', utime: 3, stime: 4, cutime: 10, cstime: 20, start: 1099, rssPages: 7}, 101)
	m.process(stat{pid: 101, ppid: 100, utime: 100, stime: 200, cutime: 1000, cstime: 2000})
	m.activity(100, 5_000_000_007, 11, 13, 17)
	m.activity(101, 500, 600, 700, 800)
	before := *boottimeMS()
	got := look(t, m.reader(), 100)
	sampled := got.Process.SampledBoottimeMS
	require.NotNil(t, sampled)
	assert.GreaterOrEqual(t, *sampled, before)
	assert.LessOrEqual(t, *sampled, *boottimeMS())
	assert.Equal(t, ports.Sample{
		CPUTicks: new(int64(7)),
		Process: &domain.Process{
			Status:            domain.ProcessOK,
			State:             new("D"),
			StartTicks:        new(int64(1099)),
			StartedAt:         new(time.Unix(bootTime+4, 0).UTC()), // 1099 ticks of 1/250 s
			Threads:           new(int64(1)),
			RSSBytes:          new(int64(7 * os.Getpagesize())),
			ChildrenCPUTicks:  new(int64(30)),
			TreeCPUTicks:      new(int64(3337)),
			TreeProcesses:     new(int64(2)),
			SampledBoottimeMS: sampled,
			RunNS:             new(int64(5_000_000_007)),
			TimeSlices:        new(int64(11)),
			ReadBytes:         new(int64(13)),
			WrittenBytes:      new(int64(17)),
			TreeRunNS:         new(int64(5_000_000_507)),
			TreeTimeSlices:    new(int64(611)),
			TreeReadBytes:     new(int64(713)),
			TreeWrittenBytes:  new(int64(817)),
		},
	}, got)
}

func TestNoProcesses(t *testing.T) {
	for _, root := range []string{newMount(t).root, "/nonexistent"} {
		samples, err := New(root).Sample(background(), nil)
		require.NoError(t, err)
		assert.NotNil(t, samples)
		assert.Empty(t, samples)
	}
}

func TestNumbersThatAreNoPIDs(t *testing.T) {
	m := newMount(t)
	for _, name := range []string{"0", "-1", "4194305", "9223372036854775807"} {
		m.write(name+"/stat", line(sleeper(), "x"))
	}
	for _, pid := range []int64{0, -1, 4194305, math.MaxInt64, math.MinInt64} {
		assert.Equal(t, withStatus(domain.ProcessGone), look(t, m.reader(), pid), "%d", pid)
	}
}

func TestGoneOrHidden(t *testing.T) {
	m := newMount(t)
	assert.Equal(t, withStatus(domain.ProcessGone), look(t, m.reader(), 100))
	m.remove("1")
	assert.Equal(t, withStatus(domain.ProcessHidden), look(t, m.reader(), 100), "not even process 1 can be seen")
	m.process(stat{pid: 100, ppid: 1})
	assert.Equal(t, domain.ProcessOK, look(t, m.reader(), 100).Process.Status)
}

func TestUnreadableProcess(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything; TestHidePIDForbids tests the same as root")
	}
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1})
	require.NoError(t, os.Chmod(m.path("100"), 0o100))
	t.Cleanup(func() { must(os.Chmod(m.path("100"), 0o700)) })
	assert.Equal(t, domain.ProcessOK, look(t, m.reader(), 100).Process.Status, "its directory need not be listed")
	require.NoError(t, os.Chmod(m.path("100/stat"), 0))
	assert.Equal(t, withStatus(domain.ProcessHidden), look(t, m.reader(), 100))
}

// TestReleasedProcess has the line of a process that was waited for while it was
// read: the kernel has lost most of it by then.
func TestReleasedProcess(t *testing.T) {
	m := newMount(t)
	for _, st := range []stat{
		{pid: 100, state: 'Z', threads: 0, leader: true},
		{pid: 100, state: 'X', threads: 1, leader: true, utime: 5},
		{pid: 100, state: 'x', threads: 1, leader: true, utime: 5},
	} {
		m.write("100/stat", line(st, "x"))
		assert.Equal(t, withStatus(domain.ProcessGone), look(t, m.reader(), 100))
	}
}

func TestZombieOrFirstThreadEnded(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1, state: 'Z', utime: 5})
	zombie := look(t, m.reader(), 100)
	assert.Equal(t, domain.ProcessZombie, zombie.Process.Status)
	assert.Equal(t, int64(5), *zombie.CPUTicks)
	m.process(stat{pid: 100, ppid: 1, state: 'Z', utime: 5, threads: 2})
	assert.Equal(t, domain.ProcessOK, look(t, m.reader(), 100).Process.Status)
}

func TestFilesThatMakeNoSense(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 99, ppid: 1, utime: 9})
	for name, spoil := range map[string]func(){
		"garbage":           func() { m.write("100/stat", "\xff\x00()()") },
		"empty":             func() { m.write("100/stat", "") },
		"cut short":         func() { m.write("100/stat", line(sleeper(), "x")[:60]) },
		"another's":         func() { m.write("100/stat", line(sleeper(), "x")) },
		"a directory":       func() { m.write("100/stat/x", "") },
		"not a process dir": func() { m.write("100", "x") },
	} {
		t.Run(name, func(t *testing.T) {
			m.remove("100")
			spoil()
			samples, err := m.reader().Sample(background(), []int64{100, 99})
			require.ErrorContains(t, err, "read process 100")
			require.Len(t, samples, 2)
			assert.Equal(t, withStatus(domain.ProcessHidden), samples[0])
			require.NotNil(t, samples[1].CPUTicks, "the others are unharmed")
			assert.Equal(t, int64(9), *samples[1].CPUTicks)
		})
	}
}

func TestNoMount(t *testing.T) {
	m := newMount(t)
	for _, root := range []string{m.path("nonexistent"), m.path("stat"), ""} {
		reader := New(root)
		samples, err := reader.Sample(background(), []int64{1, 2})
		require.ErrorIs(t, err, domain.CodeProcUnreadable)
		assert.Equal(t, []ports.Sample{withStatus(domain.ProcessHidden), withStatus(domain.ProcessHidden)}, samples)
		assert.Nil(t, reader.ClockTicks())
	}
}

func TestClockTicksOfMount(t *testing.T) {
	m := newMount(t)
	reader := m.reader()
	ticks := reader.ClockTicks()
	assert.Equal(t, new(int64(250)), ticks)
	*ticks = 0
	assert.Equal(t, new(int64(250)), reader.ClockTicks(), "the caller owns what it got")
	m.remove("self")
	assert.Nil(t, m.reader().ClockTicks(), "no guess")
	assert.Nil(t, look(t, m.reader(), 1).Process.StartedAt)
}

func TestStartedAtNeedsBootTime(t *testing.T) {
	m := newMount(t)
	for _, content := range []string{"cpu 1\n", "btime never\n"} {
		m.write("stat", content)
		got := look(t, m.reader(), 1)
		assert.Nil(t, got.Process.StartedAt)
		assert.NotNil(t, got.Process.StartTicks)
	}
	m.remove("stat")
	assert.Nil(t, look(t, m.reader(), 1).Process.StartedAt)
}

// TestStartsNeverMove: the boot time moves with the wall clock. A process that was
// seen keeps its start; others, and the next with its pid, have it by the new one.
func TestStartsNeverMove(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1, start: 5000, utime: 1}, 200)
	m.process(stat{pid: 200, ppid: 100, start: 5500})
	m.process(stat{pid: 101, ppid: 1, start: 6000})
	reader := m.reader()
	started := func(pids ...int64) []time.Time {
		samples, err := reader.Sample(background(), pids)
		require.NoError(t, err)
		var at []time.Time
		for _, sample := range samples {
			require.NotNil(t, sample.Process.StartedAt)
			at = append(at, *sample.Process.StartedAt)
		}
		return at
	}
	booted := func(seconds int64) { m.write("stat", fmt.Sprintf("btime %d\n", seconds)) }
	at := func(seconds int64) time.Time { return time.Unix(bootTime+seconds, 0).UTC() }
	assert.Equal(t, []time.Time{at(20), at(20)}, started(100, 100))

	booted(bootTime + 1)
	assert.Equal(t, []time.Time{at(20), at(25)}, started(100, 101))
	booted(bootTime - 3600)
	assert.Equal(t, []time.Time{at(20), at(25)}, started(100, 101))
	m.remove("stat")
	assert.Equal(t, []time.Time{at(20)}, started(100))

	booted(bootTime + 7)
	m.process(stat{pid: 100, ppid: 1, start: 7500})
	assert.Equal(t, []time.Time{at(37)}, started(100), "another process has the pid")
	assert.Equal(t, []time.Time{at(31)}, started(101), "nobody asked for it in between")
	assert.Len(t, *reader.starts.Load(), 1, "the last call's and no others")
}

// TestStartsAreKept of processes that a call does not come to.
func TestStartsAreKept(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1, start: 5000})
	reader := m.reader()
	first := look(t, reader, 100).Process.StartedAt
	m.write("stat", fmt.Sprintf("btime %d\n", bootTime+1))
	ctx, cancel := context.WithCancel(background())
	m.process(stat{pid: 99, ppid: 1})
	opened := m.cancelAt(cancel, "99/stat")
	_, err := reader.Sample(ctx, []int64{99, 100})
	assert.Equal(t, 1, opened())
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, first, look(t, reader, 100).Process.StartedAt)
}

// TestStartBeyondCalendar: ticks since boot that no date can show.
func TestStartBeyondCalendar(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1, start: maxStart})
	got := look(t, m.reader(), 100)
	assert.Equal(t, int64(maxStart), *got.Process.StartTicks)
	assert.Nil(t, got.Process.StartedAt)
}

// TestKernelThread: nothing that a thread of the kernel does is an agent's, and its
// tree is left alone.
func TestKernelThread(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 2, kernel: true, utime: 5}, 100, 300)
	m.write("300/stat", "garbage")
	m.process(stat{pid: 100, ppid: 2, kernel: true, utime: 5, threads: 2})
	samples, err := m.reader().Sample(background(), []int64{2, 100, 2})
	require.NoError(t, err)
	assert.Equal(t, []ports.Sample{withStatus(domain.ProcessForeign), withStatus(domain.ProcessForeign), withStatus(domain.ProcessForeign)}, samples)
}

func TestReuseOfPID(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1, start: 5000, utime: 70})
	first := look(t, m.reader(), 100)
	m.process(stat{pid: 100, ppid: 1, start: 6000, utime: 70})
	assert.NotEqual(t, first.Process.StartTicks, look(t, m.reader(), 100).Process.StartTicks)
}

// TestDirectoryIsBoundToProcess holds what is read of a process together: it is
// of one process even if its pid is given to another on the way.
func TestDirectoryIsBoundToProcess(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1, utime: 1})
	m.pipe("100/task/100/children")
	done := make(chan bool)
	go func() {
		defer close(done)
		file := m.meet("100/task/100/children")
		_ = unix.Rename(m.path("100"), m.path("ended"))
		m.process(stat{pid: 100, ppid: 1, utime: 1_000_000})
		_ = file.Close()
	}()
	assert.Equal(t, int64(1), *look(t, m.reader(), 100).CPUTicks)
	<-done
}
