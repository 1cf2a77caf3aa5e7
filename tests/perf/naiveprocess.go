package perf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// clockTicks are those in a second, on every Linux that Go runs on.
const clockTicks = 100

// naiveHost is what the naive version knows of its host from the start on.
type naiveHost struct {
	bootID   string
	bootTime int64 // seconds since 1970
	pageSize int64
}

func readHost() (host naiveHost, err error) {
	bootID, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return host, err
	}
	host.bootID, host.pageSize = strings.TrimSpace(string(bootID)), int64(os.Getpagesize())
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return host, err
	}
	for line := range strings.Lines(string(stat)) {
		if value, found := strings.CutPrefix(line, "btime "); found {
			host.bootTime, err = strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		}
	}
	return host, err
}

// process reads a process and all below it.
func (h naiveHost) process(pid int64) (shown *domain.Process, ticks *int64) {
	top, children, err := readProcess(pid)
	if errors.Is(err, fs.ErrNotExist) {
		return &domain.Process{Status: domain.ProcessGone}, nil
	}
	if err != nil {
		return &domain.Process{Status: domain.ProcessHidden}, nil
	}
	tree, processes := top.counters, int64(1)
	for len(children) > 0 {
		child, more, err := readProcess(children[0])
		children = append(children[1:], more...)
		if err != nil {
			continue // it has ended
		}
		processes++
		tree.add(child.counters)
	}
	status := domain.ProcessOK
	if top.state == "Z" {
		status = domain.ProcessZombie
	}
	return &domain.Process{
		Status: status, State: &top.state, StartTicks: &top.start, StartedAt: new(time.Unix(h.bootTime+top.start/clockTicks, 0).UTC()),
		Threads: &top.threads, RSSBytes: new(top.rssPages * h.pageSize), ChildrenCPUTicks: new(top.waitedFor), SampledBoottimeMS: top.boottimeMS,
		TreeCPUTicks: &tree.ticks, TreeProcesses: &processes,
		RunNS: top.runNS, TimeSlices: top.timeSlices, ReadBytes: top.read, WrittenBytes: top.written,
		TreeRunNS: tree.runNS, TreeTimeSlices: tree.timeSlices, TreeReadBytes: tree.read, TreeWrittenBytes: tree.written,
	}, new(top.ticks - top.waitedFor)
}

// naiveProcess is what /proc has of one process.
type naiveProcess struct {
	state                               string
	start, threads, rssPages, waitedFor int64
	boottimeMS                          *int64
	counters
}

// counters are those that are summed over a tree. What could not be read is nil.
type counters struct {
	ticks                            int64 // of children that were waited for, too
	runNS, timeSlices, read, written *int64
}

func (c *counters) add(other counters) {
	c.ticks += other.ticks
	c.runNS, c.timeSlices = sum(c.runNS, other.runNS), sum(c.timeSlices, other.timeSlices)
	c.read, c.written = sum(c.read, other.read), sum(c.written, other.written)
}

func sum(a, b *int64) *int64 {
	if a == nil || b == nil {
		return nil
	}
	return new(*a + *b)
}

// readProcess reads a process, and lists its children first, so that none that is
// waited for meanwhile is missing from both.
func readProcess(pid int64) (p naiveProcess, children []int64, err error) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	threads, err := os.ReadDir(dir + "task")
	if err != nil {
		return p, nil, err
	}
	p.runNS, p.timeSlices = new(int64(0)), new(int64(0))
	for _, thread := range threads {
		task := dir + "task/" + thread.Name() + "/"
		children = append(children, readNumbers(task+"children")...)
		run, slices := readSchedstat(task + "schedstat")
		p.runNS, p.timeSlices = sum(p.runNS, run), sum(p.timeSlices, slices)
	}
	p.read, p.written = readIO(dir + "io")
	line, err := os.ReadFile(dir + "stat")
	if err != nil {
		return p, nil, err
	}
	p.boottimeMS = boottimeMS()
	_, rest, _ := strings.Cut(string(line), ") ")
	fields := strings.Fields(rest)
	number := func(field int) int64 { // as proc(5) numbers them
		value, _ := strconv.ParseInt(fields[field-3], 10, 64)
		return value
	}
	p.state, p.threads, p.start, p.rssPages = fields[0], number(20), number(22), number(24)
	p.waitedFor = number(16) + number(17)
	p.ticks = number(14) + number(15) + p.waitedFor
	return p, children, nil
}

// readSchedstat reads nanoseconds on a processor, and time slices.
func readSchedstat(path string) (runNS, timeSlices *int64) {
	numbers := readNumbers(path)
	if len(numbers) < 3 {
		return nil, nil
	}
	return &numbers[0], &numbers[2]
}

// readIO reads rchar and wchar.
func readIO(path string) (read, written *int64) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, nil
	}
	for line := range strings.Lines(string(content)) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), ": ")
		value, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "rchar":
			read = &value
		case "wchar":
			written = &value
		}
	}
	return read, written
}

// readNumbers reads the numbers that a file consists of.
func readNumbers(path string) (numbers []int64) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	for field := range strings.FieldsSeq(string(content)) {
		if value, err := strconv.ParseInt(field, 10, 64); err == nil {
			numbers = append(numbers, value)
		}
	}
	return numbers
}
