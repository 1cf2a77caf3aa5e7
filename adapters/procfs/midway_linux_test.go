package procfs

import (
	"context"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// TestTreeIsReadAgain has a child that is waited for just after its parent was
// read: its ticks go over to the parent, and are not lost. The list is read again
// when the child is missing.
func TestTreeIsReadAgain(t *testing.T) {
	for name, top := range map[string]int64{"of the process asked for": 100, "of one below it": 99} {
		t.Run(name, func(t *testing.T) {
			m := newMount(t)
			const children = "100/task/100/children"
			m.process(stat{pid: 99, ppid: 1, utime: 1000}, 100)
			m.process(stat{pid: 100, ppid: 99, utime: 1})
			m.pipe(children)
			done := make(chan bool)
			go func() {
				defer close(done)
				file := m.meet(children)
				m.pipe(children) // for the next time
				_, _ = file.WriteString(list(200))
				_ = file.Close()
				last := m.meet(children)
				m.write("100/stat", line(stat{pid: 100, ppid: 99, state: 'S', threads: 1, leader: true, utime: 1, cutime: 50}, "x"))
				_ = last.Close()
			}()
			got := look(t, m.reader(), top)
			if top == 100 {
				assertTree(t, 51, 1, got)
				assert.Equal(t, int64(50), *got.Process.ChildrenCPUTicks, "of the same reading")
			} else {
				assertTree(t, 1051, 2, got)
			}
			<-done
		})
	}
}

// TestMemberMovesOn has a process that goes over to another parent, whose tree is
// read next: it is read as what it is there.
func TestMemberMovesOn(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1, utime: 1}, 200)
	m.process(stat{pid: 101, ppid: 1, utime: 1000}, 200)
	m.process(stat{pid: 200, ppid: 100})
	m.pipe("200/stat")
	done := make(chan bool)
	go func() {
		defer close(done)
		first := m.meet("200/stat")
		m.remove("200/stat")
		m.write("200/stat", line(stat{pid: 200, ppid: 101, state: 'S', threads: 1, leader: true, utime: 20}, "x"))
		_, _ = first.WriteString(line(stat{pid: 200, ppid: 100, state: 'S', threads: 1, leader: true, utime: 10}, "x"))
		_ = first.Close()
	}()
	samples, err := m.reader().Sample(background(), []int64{100, 101})
	<-done
	require.NoError(t, err)
	assertTree(t, 11, 2, samples[0])
	assertTree(t, 1020, 2, samples[1])
}

// TestChildrenAreListedFirst has a child that is waited for while the children
// are listed, which no longer names it.
func TestChildrenAreListedFirst(t *testing.T) {
	for name, threads := range map[string]int64{"one thread": 1, "two threads": 2} {
		t.Run(name, func(t *testing.T) {
			m := newMount(t)
			m.process(stat{pid: 100, ppid: 1, utime: 1, threads: threads})
			last := "100/task/100/children"
			if threads == 2 {
				last = "100/task/101/children"
				m.thread(100, 101)
			}
			m.pipe(last)
			done := make(chan bool)
			go func() {
				defer close(done)
				file := m.meet(last)
				m.write("100/stat", line(stat{pid: 100, state: 'S', threads: threads, leader: true, utime: 2, cutime: 50}, "x"))
				_ = file.Close()
			}()
			got := look(t, m.reader(), 100)
			assertTree(t, 52, 1, got)
			assert.Equal(t, int64(2), *got.CPUTicks, "of the same reading")
			<-done
		})
	}
}

func TestContextEndsOnTheWay(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 99, ppid: 1, utime: 9})
	m.process(stat{pid: 100, ppid: 1, utime: 1})
	m.process(stat{pid: 101, ppid: 1, utime: 2})
	m.process(stat{pid: 200, ppid: 100, utime: 10})
	m.pipe("100/task/100/children")
	ctx, cancel := context.WithCancel(background())
	done := make(chan bool)
	go func() {
		defer close(done)
		file := m.meet("100/task/100/children")
		cancel()
		_, _ = file.WriteString(list(200))
		_ = file.Close()
	}()
	samples, err := m.reader().Sample(ctx, []int64{99, 100, 101})
	<-done
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, samples, 3)
	assertTree(t, 9, 1, samples[0])
	assertNoTree(t, samples[1])
	assert.Equal(t, ports.Sample{}, samples[2])
}

// TestContextEndsInATree: a tree that takes too long costs no process itself, nor
// what was read before; not even of a pid that is asked for again.
func TestContextEndsInATree(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 98, ppid: 1, utime: 8}, 198)
	m.process(stat{pid: 198, ppid: 98, utime: 80})
	m.process(stat{pid: 100, ppid: 1, utime: 1}, 200)
	m.process(stat{pid: 200, ppid: 100, utime: 10})
	m.process(stat{pid: 101, ppid: 1, utime: 2}, 201)
	m.process(stat{pid: 201, ppid: 101, utime: 20})
	m.process(stat{pid: 102, ppid: 1, utime: 3})
	ctx, cancel := context.WithCancel(background())
	opened := m.cancelAt(cancel, "200/stat")
	samples, err := m.reader().Sample(ctx, []int64{98, 100, 101, 102, 100, 999})
	assert.Equal(t, 1, opened())
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, samples, 6)
	assertTree(t, 88, 2, samples[0])
	for i, ticks := range map[int]int64{1: 1, 2: 2, 4: 1} {
		assertNoTree(t, samples[i])
		assert.Equal(t, ticks, *samples[i].CPUTicks)
	}
	assertTree(t, 3, 1, samples[3])
	assert.Equal(t, withStatus(domain.ProcessGone), samples[5])
}

// TestContextEndsOnceForgotten: a process that was read stays, though it would be
// read anew for its tree.
func TestContextEndsOnceForgotten(t *testing.T) {
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1}, 200)
	m.process(stat{pid: 200, ppid: 100})
	m.process(stat{pid: 101, ppid: 1, utime: 2})
	reader := m.reader()
	reader.maxKnown = 0
	ctx, cancel := context.WithCancel(background())
	opened := m.cancelAt(cancel, "200/stat")
	samples, err := reader.Sample(ctx, []int64{100, 101})
	assert.Equal(t, 1, opened())
	require.ErrorIs(t, err, context.Canceled)
	assertNoTree(t, samples[0])
	assertNoTree(t, samples[1])
	assert.Equal(t, int64(2), *samples[1].CPUTicks)
}

func TestContextEndsInTheLastTree(t *testing.T) {
	for name, files := range map[string][]string{
		"in a list":   {"100/task/101/children", "100/task/102/children"},
		"in a member": {"200/task/200/children", "201/task/201/children"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMount(t)
			m.process(stat{pid: 100, ppid: 1, threads: 3}, 200, 201)
			m.thread(100, 101)
			m.thread(100, 102)
			m.process(stat{pid: 200, ppid: 100})
			m.process(stat{pid: 201, ppid: 100})
			ctx, cancel := context.WithCancel(background())
			opened := m.cancelAt(cancel, files...)
			samples, err := m.reader().Sample(ctx, []int64{100})
			assert.Equal(t, 1, opened(), "it stops at once")
			require.ErrorIs(t, err, context.Canceled, "a tree was cut")
			assertNoTree(t, samples[0])
		})
	}
}

// TestThreadEndsOnTheWay has a thread that is listed and cannot be looked into.
// Its children went to another one, so that the tree is read again.
func TestThreadEndsOnTheWay(t *testing.T) {
	m := newMount(t)
	const first = "200/task/200/children"
	m.process(stat{pid: 100, ppid: 1, utime: 1, threads: 2}, 200)
	m.process(stat{pid: 200, ppid: 100, utime: 10})
	m.process(stat{pid: 300, ppid: 100, utime: 100})
	must(os.Symlink("ended", m.path("100/task/101")))
	assertTree(t, 11, 2, look(t, m.reader(), 100))

	m.pipe(first)
	done := make(chan bool)
	go func() {
		defer close(done)
		file := m.meet(first)
		m.remove(first)
		m.thread(200, 200)
		m.thread(100, 100, 200, 300)
		_ = file.Close()
	}()
	assertTree(t, 111, 3, look(t, m.reader(), 100))
	<-done
}

// TestDiesBetweenOpenAndRead holds the directory of a process that ends.
func TestDiesBetweenOpenAndRead(t *testing.T) {
	c := start(t, "sleep")
	root, err := descriptor(unix.AT_FDCWD).open("/proc", asDirectory)
	require.NoError(t, err)
	defer root.close()
	procDir, err := root.open(strconv.FormatInt(c.pid(), 10), asDirectory)
	require.NoError(t, err)
	defer procDir.close()
	file, err := procDir.open("stat", unix.O_RDONLY)
	require.NoError(t, err)
	defer file.close()
	require.NoError(t, c.cmd.Process.Kill())
	require.Error(t, c.cmd.Wait(), "it was killed")

	s := &sampler{files: &processReader{root: root}, blind: new(true)}
	_, err = unix.Read(int(file), s.files.buf[:])
	require.ErrorIs(t, err, unix.ESRCH)
	assert.Equal(t, domain.ProcessGone, s.status(c.pid(), err), "gone even where others are hidden")
	_, err = procDir.readOnce("stat", s.files.buf[:])
	require.Error(t, err)
	s.blind = new(false)
	assert.Equal(t, domain.ProcessGone, s.status(c.pid(), err))
}

func TestContextEndedBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(background())
	cancel()
	for _, root := range []string{newMount(t).root, "/nonexistent"} {
		samples, err := New(root).Sample(ctx, []int64{1, 0})
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, make([]ports.Sample, 2), samples)
	}
}
