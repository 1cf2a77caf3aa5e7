package procfs

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const bootTime = 1_700_000_000

// mount is a directory that looks like a proc mount.
//
// What cannot be written panics, so that a test may call it from a goroutine.
type mount struct {
	root string
}

// newMount is a mount with process 1, a boot time, and 250 ticks a second.
func newMount(t *testing.T) *mount {
	t.Helper()
	return newMountIn(t.TempDir())
}

// memoryDir is a directory for some ten thousand files: in memory if it can be.
func memoryDir(t *testing.T) string {
	t.Helper()
	if unix.Access("/dev/shm", unix.W_OK) == nil {
		t.Setenv("TMPDIR", "/dev/shm")
	}
	return t.TempDir()
}

func newMountIn(dir string) *mount {
	m := &mount{root: dir}
	m.write("stat", "cpu  1 2 3\nbtime "+strconv.Itoa(bootTime)+"\n")
	m.write("self/auxv", string(auxv(atClkTck, 250, 0, 0)))
	m.process(stat{pid: 1})
	return m
}

func (m *mount) reader() *Reader { return New(m.root) }

func (m *mount) path(name string) string { return filepath.Join(m.root, name) }

func (m *mount) write(name, content string) {
	must(os.MkdirAll(filepath.Dir(m.path(name)), 0o755))
	must(os.WriteFile(m.path(name), []byte(content), 0o600))
}

func (m *mount) remove(name string) {
	must(os.RemoveAll(m.path(name)))
}

// process puts a process there, the first of whose threads has the children.
// What the test does not care for gets some value.
func (m *mount) process(st stat, children ...int64) {
	if st.state == 0 {
		st.state = 'S'
	}
	if st.threads == 0 {
		st.threads = 1
	}
	st.leader = true
	m.write(fmt.Sprintf("%d/stat", st.pid), line(st, "x"))
	m.thread(st.pid, st.pid, children...)
}

// activity says what a process of one thread has done.
func (m *mount) activity(pid, runNS, timeSlices, readBytes, writtenBytes int64) {
	m.schedstat(pid, pid, runNS, timeSlices)
	m.write(fmt.Sprintf("%d/io", pid), fmt.Sprintf(
		"rchar: %d\nwchar: %d\nsyscr: 91\nsyscw: 92\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 93\n", readBytes, writtenBytes))
}

func (m *mount) schedstat(pid, tid, runNS, timeSlices int64) {
	m.write(fmt.Sprintf("%d/task/%d/schedstat", pid, tid), fmt.Sprintf("%d 900 %d\n", runNS, timeSlices))
}

func (m *mount) thread(pid, tid int64, children ...int64) {
	m.write(fmt.Sprintf("%d/task/%d/children", pid, tid), list(children...))
}

// list is a children file.
func list(pids ...int64) string {
	var content strings.Builder
	for _, pid := range pids {
		fmt.Fprintf(&content, "%d ", pid)
	}
	return content.String()
}

// chain puts processes there, each the only child of the one before, each with
// one tick, and gives their pids.
func (m *mount) chain(length int64) []int64 {
	const first = 1000
	pids := make([]int64, length)
	for i := range length {
		pids[i] = first + i
		children := []int64{pids[i] + 1}
		if i == length-1 {
			children = nil
		}
		m.process(stat{pid: pids[i], ppid: pids[i] - 1, utime: 1}, children...)
	}
	return pids
}

// pipe puts a named pipe in the place of a file: who reads it waits until it is
// opened by meet, so that a test can act between two reads of the package.
func (m *mount) pipe(name string) {
	m.remove(name)
	must(unix.Mkfifo(m.path(name), 0o600))
}

// meet waits for the reader of a pipe: without one, it cannot be opened.
func (m *mount) meet(name string) *os.File {
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		file, err := m.open(name)
		if err == nil || time.Now().After(deadline) {
			must(err)
			return file
		}
	}
}

func (m *mount) open(name string) (*os.File, error) {
	return os.OpenFile(m.path(name), os.O_WRONLY|unix.O_NONBLOCK, 0)
}

// serve makes a pipe of a file, and gives its content to whoever reads it. The
// function it gives ends that, and says how often it was read.
func (m *mount) serve(name, content string) func() int {
	m.pipe(name)
	end, count := make(chan bool), make(chan int)
	go func() {
		for opened := 0; ; {
			if file, err := m.open(name); err == nil {
				opened++
				m.pipe(name) // for the next time
				_, _ = file.WriteString(content)
				must(file.Close())
			}
			select {
			case <-end:
				count <- opened
				return
			case <-time.After(pause):
			}
		}
	}()
	return func() int {
		close(end)
		return <-count
	}
}

// cancelAt makes pipes of files and cancels when one is opened. The function it
// gives ends that, and says how many were.
func (m *mount) cancelAt(cancel func(), names ...string) func() int {
	end := make(chan bool)
	counts := make(chan int, len(names))
	for _, name := range names {
		m.pipe(name)
		go func() { counts <- m.cancelAtOne(cancel, name, end) }()
	}
	return func() (opened int) {
		close(end)
		for range names {
			opened += <-counts
		}
		return opened
	}
}

func (m *mount) cancelAtOne(cancel func(), name string, end <-chan bool) int {
	for {
		if file, err := m.open(name); err == nil {
			cancel()
			must(file.Close())
			return 1
		}
		select {
		case <-end:
			return 0
		case <-time.After(pause):
		}
	}
}
