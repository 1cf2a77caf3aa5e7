package procfs

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

func assertTree(t *testing.T, ticks, processes int64, got ports.Sample) {
	t.Helper()
	require.NotNil(t, got.Process.TreeCPUTicks)
	require.NotNil(t, got.Process.TreeProcesses)
	assert.Equal(t, ticks, *got.Process.TreeCPUTicks)
	assert.Equal(t, processes, *got.Process.TreeProcesses)
}

// assertNoTree checks that the process itself was read, and its tree is null.
func assertNoTree(t *testing.T, got ports.Sample) {
	t.Helper()
	assert.Equal(t, domain.ProcessOK, got.Process.Status)
	assert.NotNil(t, got.CPUTicks)
	assert.NotNil(t, got.Process.StartTicks)
	assert.Nil(t, got.Process.TreeCPUTicks)
	assert.Nil(t, got.Process.TreeProcesses)
}

func TestTreeOfAllThreads(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1, threads: 3, utime: 1}, 200)
	m.thread(100, 101, 300, 301)
	m.thread(100, 102)
	m.write("100/task/x/children", "junk")
	m.process(stat{pid: 200, ppid: 100, utime: 10}, 201)
	m.process(stat{pid: 201, ppid: 200, utime: 100})
	m.process(stat{pid: 300, ppid: 100, utime: 1000})
	m.process(stat{pid: 301, ppid: 100, cstime: 10000})
	assertTree(t, 11111, 5, look(t, m.reader(), 100))
}

func TestTreeWithCycle(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 200, utime: 1}, 100, 200, 200)
	m.process(stat{pid: 200, ppid: 100, utime: 10}, 100, 200)
	assertTree(t, 11, 2, look(t, m.reader(), 100))
	assertTree(t, 11, 2, look(t, m.reader(), 200))
}

// TestTreeAtItsBound has a deep chain of as many as are summed, and one more,
// for a kernel that lists children and one that does not.
func TestTreeAtItsBound(t *testing.T) {
	const bound = 4096 // as the documentation of Sample has it
	m := newMountIn(memoryDir(t))
	pids := m.chain(bound + 1)
	for _, kernel := range []string{"with lists", "without lists"} {
		t.Run(kernel, func(t *testing.T) {
			samples, err := m.reader().Sample(background(), pids[:3])
			require.NoError(t, err)
			assertNoTree(t, samples[0])
			assertTree(t, bound, bound, samples[1])
			assertTree(t, bound-1, bound-1, samples[2])
		})
		for _, pid := range pids {
			m.remove(fmt.Sprintf("%d/task", pid))
		}
	}
}

// TestTreesBelowEachOther: what is in several trees, as where agents start agents,
// is counted in each and read once for all.
func TestTreesBelowEachOther(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1, utime: 1}, 200, 201)
	m.process(stat{pid: 200, ppid: 100, utime: 10}, 300)
	m.process(stat{pid: 201, ppid: 100, utime: 100})
	m.process(stat{pid: 300, ppid: 200, utime: 1000}, 400)
	m.process(stat{pid: 400, ppid: 300, utime: 10000})
	opened := m.serve("400/stat", line(stat{pid: 400, ppid: 300, state: 'S', threads: 1, leader: true, utime: 10000}, "x"))
	samples, err := m.reader().Sample(background(), []int64{300, 100, 200, 201, 300, 100})
	assert.Equal(t, 1, opened(), "how often a member of three trees was read")
	require.NoError(t, err)
	for i, want := range []struct{ ticks, processes int64 }{{11000, 2}, {11111, 5}, {11010, 3}, {100, 1}, {11000, 2}, {11111, 5}} {
		assertTree(t, want.ticks, want.processes, samples[i])
	}
}

// TestSamePIDAgain: a pid of several jobs is read once, so that all show the same.
func TestSamePIDAgain(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1, utime: 1, rssPages: 1})
	opened := m.serve("100/stat", line(stat{pid: 100, ppid: 1, state: 'S', threads: 1, leader: true, utime: 1, rssPages: 1}, "x"))
	samples, err := m.reader().Sample(background(), []int64{100, 4, 100, 100})
	assert.Equal(t, 1, opened())
	require.NoError(t, err)
	requireFull(t, samples[0])
	assert.Equal(t, samples[0], samples[2])
	assert.Equal(t, samples[0], samples[3])
}

// TestTreesBeyondMemory: what the trees of a call remember is bounded, and they are
// right all the same.
func TestTreesBeyondMemory(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1, utime: 1}, 200)
	m.process(stat{pid: 200, ppid: 100, utime: 10}, 300)
	m.process(stat{pid: 300, ppid: 200, utime: 100})
	for limit, reads := range map[int]int{3: 1, 2: 2} {
		reader := m.reader()
		reader.maxKnown = limit
		opened := m.serve("300/stat", line(stat{pid: 300, ppid: 200, state: 'S', threads: 1, leader: true, utime: 100}, "x"))
		samples, err := reader.Sample(background(), []int64{100, 200})
		assert.Equal(t, reads, opened(), "how often a member of both trees was read")
		require.NoError(t, err)
		assertTree(t, 111, 3, samples[0])
		assertTree(t, 110, 2, samples[1])
	}
}

func TestTreeWithTooManyChildren(t *testing.T) {
	m := newMount(t)
	for name, count := range map[string]int64{"one too many": maxTreeProcesses, "more than the buffer holds": 2 * maxTreeProcesses} {
		t.Run(name, func(t *testing.T) {
			children := make([]int64, count)
			for i := range children {
				children[i] = maxPID - int64(i)
			}
			m.process(stat{pid: 100, ppid: 1}, children...)
			assertNoTree(t, look(t, m.reader(), 100))
		})
	}
}

func TestTreeWithoutStrangers(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1, utime: 1}, 200, 201, 202, 203)
	m.process(stat{pid: 200, ppid: 100, utime: 10})
	m.process(stat{pid: 201, ppid: 1, utime: 100}, 204) // became an orphan, or is another's
	m.process(stat{pid: 204, ppid: 201, utime: 1000})
	m.write("202/stat", line(stat{pid: 202, ppid: 100, state: 'X', threads: 1, leader: true, utime: 10000}, "x"))
	assertTree(t, 11, 2, look(t, m.reader(), 100)) // and 203 is gone
}

func TestTreeWithUnseenMember(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1, utime: 1}, 0)
	assertNoTree(t, look(t, m.reader(), 100)) // 0 is a child in a foreign pid namespace
	m.process(stat{pid: 100, ppid: 1, utime: 1}, 200)
	m.remove("1")
	assertNoTree(t, look(t, m.reader(), 100)) // 200 may be hidden
}

func TestTreeWithFilesThatMakeNoSense(t *testing.T) {
	m := newMount(t)
	for name, spoil := range map[string]func(){
		"garbage in a child":    func() { m.write("200/stat", "garbage") },
		"garbage in the list":   func() { m.write("100/task/100/children", "200 x ") },
		"list is a directory":   func() { m.remove("100/task/100/children"); m.write("100/task/100/children/x", "") },
		"task is not directory": func() { m.remove("100/task"); m.write("100/task", "") },
	} {
		t.Run(name, func(t *testing.T) {
			m.process(stat{pid: 200, ppid: 100})
			m.process(stat{pid: 100, ppid: 1, utime: 1, threads: 2}, 200)
			spoil()
			samples, err := m.reader().Sample(background(), []int64{100})
			require.ErrorContains(t, err, "read process 100")
			assertNoTree(t, samples[0])
			m.remove("100")
		})
	}
}

func TestCounter(t *testing.T) {
	var c counter
	c.add(counter{value: 5})
	c.add(counter{value: math.MaxInt64 - 5})
	assert.Equal(t, new(int64(math.MaxInt64)), c.orNil())
	c.add(counter{value: 1})
	assert.Nil(t, c.orNil(), "more than can be counted")
	c = counter{value: 5}
	c.add(counter{unknown: true})
	c.add(counter{value: 1})
	assert.Nil(t, c.orNil(), "what is unknown stays it")
}
