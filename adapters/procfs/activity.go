package procfs

import (
	"bytes"
	"errors"
	"math"
	"strconv"
)

var (
	errNotSchedstat = errors.New("not the line of a thread's schedstat")
	errNotIO        = errors.New("not the lines of /proc/pid/io")
)

// activity is what a process, or a tree, has done, in counters that move though it
// uses no processor time worth a tick.
type activity struct {
	runNS, timeSlices       counter // of the threads that live
	readBytes, writtenBytes counter // of the process, its ended threads and the children that it waited for
}

// counter is a number that grows, or is unknown.
type counter struct {
	value   int64
	unknown bool
}

func (a *activity) add(b activity) {
	a.runNS.add(b.runNS)
	a.timeSlices.add(b.timeSlices)
	a.readBytes.add(b.readBytes)
	a.writtenBytes.add(b.writtenBytes)
}

// add is unknown from the first term that is, and beyond what can be counted.
func (c *counter) add(b counter) {
	c.unknown = c.unknown || b.unknown || b.value > math.MaxInt64-c.value
	if !c.unknown {
		c.value += b.value
	}
}

func (c counter) orNil() *int64 {
	if c.unknown {
		return nil
	}
	return new(c.value)
}

// parseSchedstat parses the content of /proc/pid/task/tid/schedstat, for which see
// the kernel's Documentation/scheduler/sched-stats.rst: nanoseconds on a processor,
// nanoseconds of waiting for one, and time slices.
func parseSchedstat(line []byte) (runNS, timeSlices counter, err error) {
	fields := bytes.Fields(line)
	if len(fields) != 3 {
		return counter{}, counter{}, errNotSchedstat
	}
	runNS, timeSlices = parseCounter(fields[0]), parseCounter(fields[2])
	if runNS.unknown || timeSlices.unknown {
		return counter{}, counter{}, errNotSchedstat
	}
	return runNS, timeSlices, nil
}

// parseIO parses the content of /proc/pid/io, for which see proc_pid_io(5): rchar is
// what read(2) and its like returned, and wchar what write(2) and its like took, from
// and to files, pipes, terminals and sockets alike; recv(2) and send(2) count nothing.
func parseIO(content []byte) (readBytes, writtenBytes counter, err error) {
	readBytes.unknown, writtenBytes.unknown = true, true
	for line := range bytes.Lines(content) {
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		switch string(name) {
		case "rchar":
			readBytes = parseCounter(value)
		case "wchar":
			writtenBytes = parseCounter(value)
		}
	}
	if readBytes.unknown || writtenBytes.unknown {
		return counter{}, counter{}, errNotIO
	}
	return readBytes, writtenBytes, nil
}

func parseCounter(digits []byte) counter {
	n, err := strconv.ParseInt(string(digits), 10, 64)
	return counter{value: n, unknown: err != nil || n < 0}
}
