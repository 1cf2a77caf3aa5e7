package procfs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

func background() context.Context { return context.Background() }

func TestBusyProcess(t *testing.T) {
	busy := start(t, "busy")
	first := alive(t, busy.pid())
	eventually(t, busy.pid(), func(now ports.Sample) bool { return *now.CPUTicks >= *first.CPUTicks+20 })
}

// TestSelf holds the ticks between two answers of getrusage(2), which counts the
// same in microseconds.
func TestSelf(t *testing.T) {
	spent := func(who int) (ticks int64) {
		var usage syscall.Rusage
		require.NoError(t, syscall.Getrusage(who, &usage))
		return (usage.Utime.Nano() + usage.Stime.Nano()) * *New("/proc").ClockTicks() / int64(time.Second)
	}
	own, waited := spent(syscall.RUSAGE_SELF), spent(syscall.RUSAGE_CHILDREN)
	got := alive(t, int64(os.Getpid()))
	// Each of the two times is cut to a tick of its own, their sum only once.
	assert.GreaterOrEqual(t, *got.CPUTicks, own-1)
	assert.LessOrEqual(t, *got.CPUTicks, spent(syscall.RUSAGE_SELF))
	assert.GreaterOrEqual(t, *got.Process.ChildrenCPUTicks, waited-1)
	assert.LessOrEqual(t, *got.Process.ChildrenCPUTicks, spent(syscall.RUSAGE_CHILDREN))
}

func TestSleepingProcess(t *testing.T) {
	clock := NewClock("/proc")
	earliest := time.Now()
	sleeper := start(t, "sleep")
	latest := time.Now()
	eventually(t, sleeper.pid(), func(now ports.Sample) bool { return *now.Process.State == "S" })

	before := *clock.Now().BoottimeMS
	got := alive(t, sleeper.pid())
	assert.GreaterOrEqual(t, *got.Process.SampledBoottimeMS, before)
	assert.LessOrEqual(t, *got.Process.SampledBoottimeMS, *clock.Now().BoottimeMS)
	assert.Equal(t, *got.CPUTicks+*got.Process.ChildrenCPUTicks, *got.Process.TreeCPUTicks)
	assert.Equal(t, int64(1), *got.Process.TreeProcesses)
	assert.Zero(t, *got.Process.RSSBytes%int64(os.Getpagesize()))
	assert.Positive(t, *got.Process.RSSBytes)
	// The boot time and the time since are both cut to whole seconds.
	assert.WithinRange(t, *got.Process.StartedAt, earliest.Add(-3*time.Second), latest.Add(time.Second))
	assert.Equal(t, time.UTC, got.Process.StartedAt.Location())
}

// TestCommands starts processes under names made to mislead a parser. The name
// is that of a link to the test binary, cut at 15 bytes.
func TestCommands(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	for _, name := range []string{"a) R (b c", "a) R 1 (\nb c)", "\n", ")))", "(", "naïve größe ½€", "1 (x) Z 1 1 1 1"} {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			link := filepath.Join(t.TempDir(), name)
			require.NoError(t, os.Symlink(self, link))
			c := startAs(t, exec.Command(link), "sleep")
			comm := readText(t, fmt.Sprintf("/proc/%d/comm", c.pid()))
			require.Equal(t, name[:min(len(name), 15)]+"\n", comm, "the kernel took the name")
			eventually(t, c.pid(), func(now ports.Sample) bool { return *now.Process.State == "S" })
			alive(t, c.pid())
		})
	}
}

func TestDeadProcess(t *testing.T) {
	c := start(t, "sleep")
	require.NoError(t, c.cmd.Process.Kill())
	require.Error(t, c.cmd.Wait(), "it was killed")
	assert.Equal(t, withStatus(domain.ProcessGone), see(t, c.pid()))
}

func TestZombie(t *testing.T) {
	c := start(t, "busy")
	eventually(t, c.pid(), func(now ports.Sample) bool { return *now.CPUTicks > 0 })
	require.NoError(t, c.cmd.Process.Kill()) // and nobody waits for it yet
	eventually(t, c.pid(), func(now ports.Sample) bool { return now.Process.Status == domain.ProcessZombie })
	got := see(t, c.pid())
	requireFull(t, got)
	assert.Equal(t, "Z", *got.Process.State)
	assert.Positive(t, *got.CPUTicks)
	assert.Equal(t, got.CPUTicks, see(t, c.pid()).CPUTicks, "frozen")
}

// TestRealKernelThread: such as all pids of another host or pid namespace may be.
func TestRealKernelThread(t *testing.T) {
	const kthreadd = 2 // include/linux/sched/task.h: the parent of all others
	comm, err := os.ReadFile("/proc/2/comm")
	if err != nil || string(comm) != "kthreadd\n" {
		t.Skip("needs the host's pid namespace, to see a thread of the kernel")
	}
	assert.Equal(t, withStatus(domain.ProcessForeign), see(t, kthreadd))
}

func TestThreads(t *testing.T) {
	c := start(t, "threads")
	eventually(t, c.pid(), func(now ports.Sample) bool { // when the Go runtime starts no more
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", c.pid()))
		require.NoError(t, err)
		return len(tasks) > 3 && *now.Process.Threads == int64(len(tasks))
	})
}

// TestThreadIsNoProcess asks for threads by their ids, which the kernel would
// answer: an id may be used again for a thread of another process.
func TestThreadIsNoProcess(t *testing.T) {
	c := start(t, "threads")
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", c.pid()))
	require.NoError(t, err)
	for _, task := range tasks {
		var tid int64
		_, err := fmt.Sscan(task.Name(), &tid)
		require.NoError(t, err)
		if tid == c.pid() {
			continue
		}
		require.FileExists(t, fmt.Sprintf("/proc/%d/stat", tid), "the trap is there")
		assert.Equal(t, withStatus(domain.ProcessGone), see(t, tid))
	}
}

// TestFirstThreadEnded has a process whose state is Z and which lives on.
func TestFirstThreadEnded(t *testing.T) {
	c := start(t, "headless")
	eventually(t, c.pid(), func(now ports.Sample) bool { return *now.Process.State == "Z" })
	first := alive(t, c.pid())
	assert.Greater(t, *first.Process.Threads, int64(1))
	eventually(t, c.pid(), func(now ports.Sample) bool { return *now.CPUTicks >= *first.CPUTicks+5 })
}

func TestExecKeepsIdentity(t *testing.T) {
	c := start(t, "exec")
	before := alive(t, c.pid())
	_, err := c.stdin.WriteString("\n")
	require.NoError(t, err)
	assert.Equal(t, c.pids, c.said(t), "the new program has the same pid")
	require.True(t, strings.HasPrefix(readText(t, fmt.Sprintf("/proc/%d/cmdline", c.pid())), "another\x00"))
	assert.Equal(t, before.Process.StartTicks, alive(t, c.pid()).Process.StartTicks)
}

func TestManyInOrder(t *testing.T) {
	first, second := start(t, "sleep"), start(t, "sleep")
	pids := []int64{second.pid(), 0, first.pid(), -5, second.pid(), maxPID + 1}
	samples, err := New("/proc").Sample(background(), pids)
	require.NoError(t, err)
	require.Len(t, samples, len(pids))
	assert.Equal(t, see(t, second.pid()).Process.StartTicks, samples[0].Process.StartTicks)
	assert.Equal(t, see(t, first.pid()).Process.StartTicks, samples[2].Process.StartTicks)
	assert.Equal(t, samples[0].Process.StartTicks, samples[4].Process.StartTicks)
	for _, i := range []int{1, 3, 5} {
		assert.Equal(t, withStatus(domain.ProcessGone), samples[i])
	}
}
