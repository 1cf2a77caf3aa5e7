package procfs

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// listless is a mount of a kernel that lists no children: 100 is the parent of
// 200 and 201, and 200 that of 300.
func listless(t *testing.T) *mount {
	t.Helper()
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1, utime: 1})
	m.process(stat{pid: 200, ppid: 100, utime: 10})
	m.process(stat{pid: 201, ppid: 100, utime: 100})
	m.process(stat{pid: 300, ppid: 200, utime: 1000})
	for _, pid := range []int64{1, 100, 200, 201, 300} {
		m.remove(fmt.Sprintf("%d/task/%d/children", pid, pid))
	}
	return m
}

func TestTable(t *testing.T) {
	m := listless(t)
	samples, err := m.reader().Sample(background(), []int64{100, 200, 300, 201, 999})
	require.NoError(t, err)
	assertTree(t, 1111, 4, samples[0])
	assertTree(t, 1010, 2, samples[1])
	assertTree(t, 1000, 1, samples[2])
	assertTree(t, 100, 1, samples[3])
	assert.Nil(t, samples[4].CPUTicks)
	for _, sample := range samples[:4] {
		requireFull(t, sample)
	}
}

// TestTableWithoutTasks has a mount that does not show threads at all.
func TestTableWithoutTasks(t *testing.T) {
	m := listless(t)
	for _, pid := range []string{"100", "200", "201", "300"} {
		m.remove(pid + "/task")
	}
	assertTree(t, 1111, 4, look(t, m.reader(), 100))
}

func TestTableOfThreads(t *testing.T) {
	m := listless(t)
	m.process(stat{pid: 100, ppid: 1, utime: 1, threads: 2})
	m.remove("100/task/100/children")
	m.write("100/task/101/stat", "")
	assertTree(t, 1111, 4, look(t, m.reader(), 100))
}

// TestTableIsReadOnce gives a process other ticks once the table has it: the rest
// of the call must not see them, neither as its own nor in a tree.
func TestTableIsReadOnce(t *testing.T) {
	m := listless(t)
	const before = 1000
	stat300 := func(ticks int64) string {
		return line(stat{pid: 300, ppid: 200, state: 'S', threads: 1, leader: true, utime: ticks}, "x")
	}
	m.pipe("300/stat")
	done := make(chan bool)
	go func() {
		defer close(done)
		itself := m.meet("300/stat") // as all that are asked for, before any tree
		m.pipe("300/stat")
		_, _ = itself.WriteString(stat300(before))
		_ = itself.Close()
		table := m.meet("300/stat")
		m.process(stat{pid: 900, ppid: 100, utime: 5}) // too late for the table
		m.remove("300/stat")
		m.write("300/stat", stat300(7777))
		_, _ = table.WriteString(stat300(before))
		_ = table.Close()
	}()
	samples, err := m.reader().Sample(background(), []int64{100, 900, 300, 200})
	<-done
	require.NoError(t, err)
	assertTree(t, 1111, 4, samples[0])
	assert.Equal(t, withStatus(domain.ProcessGone), samples[1])
	assertTree(t, before, 1, samples[2])
	assert.Equal(t, int64(before), *samples[2].CPUTicks)
	assertTree(t, 1010, 2, samples[3])
}

// TestTableWithoutReuse: a process that ended before all were read is gone, though
// its pid is in use again by then.
func TestTableWithoutReuse(t *testing.T) {
	m := listless(t)
	content := readText(t, m.path("300/stat"))
	m.pipe("300/stat")
	done := make(chan bool)
	go func() {
		defer close(done)
		itself := m.meet("300/stat")
		m.remove("201")
		m.pipe("300/stat")
		_, _ = itself.WriteString(content)
		_ = itself.Close()
		table := m.meet("300/stat")
		m.process(stat{pid: 201, ppid: 1, start: 7777})
		_, _ = table.WriteString(content)
		_ = table.Close()
	}()
	samples, err := m.reader().Sample(background(), []int64{201, 300})
	<-done
	require.NoError(t, err)
	assert.Equal(t, withStatus(domain.ProcessGone), samples[0])
	assertTree(t, 1000, 1, samples[1])
}

func TestTableWithCycle(t *testing.T) {
	m := listless(t)
	m.write("100/stat", line(stat{pid: 100, ppid: 300, state: 'S', threads: 1, leader: true, utime: 1}, "x"))
	assertTree(t, 1111, 4, look(t, m.reader(), 100))
	assertTree(t, 1111, 4, look(t, m.reader(), 300))
}

// TestTableWithGaps has processes that cannot be read, whose parent may be any.
func TestTableWithGaps(t *testing.T) {
	m := listless(t)
	m.write("400/stat", "garbage")
	samples, err := m.reader().Sample(background(), []int64{100, 201})
	require.ErrorContains(t, err, "read process 400")
	assertNoTree(t, samples[0])
	assertNoTree(t, samples[1])

	m.remove("400")
	m.remove("1")
	assertNoTree(t, look(t, m.reader(), 100))
}

func TestTableLeavesOutWhatIsNoProcess(t *testing.T) {
	m := listless(t)
	m.write("4194305/stat", line(stat{pid: 4194305, ppid: 100, state: 'S', threads: 1, leader: true}, "x")) // no pid
	require.NoError(t, os.Mkdir(m.path("400"), 0o755))                                                      // no stat any more
	assertTree(t, 1111, 4, look(t, m.reader(), 100))
}

func TestContextEndsInTheTable(t *testing.T) {
	m := listless(t)
	ctx, cancel := context.WithCancel(background())
	opened := m.cancelAt(cancel, "300/stat", "201/stat")
	samples, err := m.reader().Sample(ctx, []int64{100, 200})
	assert.Equal(t, 1, opened(), "it stops at once")
	require.ErrorIs(t, err, context.Canceled)
	assertNoTree(t, samples[0])
	assertNoTree(t, samples[1]) // itself was read before
}
