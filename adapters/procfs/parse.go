package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode"
)

// Bounds of what a field may hold. Beyond them it is no time and no memory, and
// within them no sum over a tree leaves an int64: four times of at most
// maxTreeProcesses processes, or the pages of 64 KiB.
const (
	maxTicks = 1 << 48 // 89,000 years at 100 ticks a second
	maxStart = 1 << 62
	maxPages = 1 << 40
)

// maxPID is PID_MAX_LIMIT, the greatest value of /proc/sys/kernel/pid_max on a
// 64-bit kernel; see proc_sys_kernel(5).
const maxPID = 1 << 22

// kernelThread is PF_KTHREAD of the kernel's include/linux/sched.h, in field 9:
// a thread of the kernel, and no program that anybody has started.
const kernelThread = 0x00200000

// lastField is the last field that matters.
const lastField = 38

var (
	errNotStat      = errors.New("not a line of /proc/pid/stat")
	errNotSchedstat = errors.New("not the line of a thread's schedstat")
	errNotIO        = errors.New("not the lines of /proc/pid/io")
	errNotPIDs      = errors.New("not a list of pids")
	// errUnseen means that a process lives that this mount does not show, so that a
	// tree with it cannot be summed.
	errUnseen = errors.New("a process of the tree cannot be seen")
)

// stat is what this package takes from /proc/pid/stat. The command is left out:
// anyone can choose it, and nobody needs it.
type stat struct {
	pid      int64 // field 1
	state    byte  // field 3, a letter
	ppid     int64 // field 4; 0 if the parent is in no view of this mount
	kernel   bool  // field 9, flags, has kernelThread
	utime    int64 // field 14, ticks
	stime    int64 // field 15, ticks
	cutime   int64 // field 16, ticks, signed
	cstime   int64 // field 17, ticks, signed
	threads  int64 // field 20
	start    int64 // field 22, ticks since boot
	rssPages int64 // field 24
	// leader is whether the id is a process's and not one of its other threads':
	// those can be opened under their own id, too. Field 38, exit_signal, is -1
	// for them and for nobody else (thread_group_leader() in the kernel asks it).
	leader bool
}

// parseStat parses the content of /proc/pid/stat. The command (field 2) may hold
// spaces, parentheses and newlines, so it ends at the last parenthesis of all.
// A line that is cut short gives an error or, if it is cut behind the last field
// that matters, the same values.
func parseStat(line []byte) (stat, error) {
	end := bytes.LastIndexByte(line, ')')
	pid, _, opened := bytes.Cut(line[:max(end, 0)], []byte(" ("))
	rest, closed := bytes.CutPrefix(bytes.TrimSuffix(line[end+1:], []byte("\n")), []byte(" "))
	if !opened || !closed {
		return stat{}, fmt.Errorf("find the command: %w", errNotStat)
	}
	fields := [lastField + 1][]byte{1: pid}
	for field := 3; field <= lastField; field++ {
		fields[field], rest, _ = bytes.Cut(rest, []byte(" "))
		if len(fields[field]) == 0 {
			return stat{}, fmt.Errorf("find field %d: %w", field, errNotStat)
		}
	}
	st := stat{state: fields[3][0]}
	if len(fields[3]) != 1 || st.state > unicode.MaxASCII || !unicode.IsLetter(rune(st.state)) {
		return stat{}, fmt.Errorf("parse field 3: %w", errNotStat)
	}
	var flags, exitSignal int64
	for _, number := range []struct {
		field       int
		value       *int64
		least, most int64
	}{
		{1, &st.pid, 1, maxPID},
		{4, &st.ppid, 0, maxPID},
		{9, &flags, 0, math.MaxUint32},
		{14, &st.utime, 0, maxTicks},
		{15, &st.stime, 0, maxTicks},
		{16, &st.cutime, -maxTicks, maxTicks},
		{17, &st.cstime, -maxTicks, maxTicks},
		{20, &st.threads, 0, maxPID},
		{22, &st.start, 0, maxStart},
		{24, &st.rssPages, 0, maxPages},
		{lastField, &exitSignal, -1, maxPID},
	} {
		var ok bool
		if *number.value, ok = parseNumber(fields[number.field], number.least, number.most); !ok {
			return stat{}, fmt.Errorf("parse field %d: %w", number.field, errNotStat)
		}
	}
	st.kernel, st.leader = flags&kernelThread != 0, exitSignal >= 0
	return st, nil
}

// parseSchedstat parses the content of /proc/pid/task/tid/schedstat, for which see
// the kernel's Documentation/scheduler/sched-stats.rst: nanoseconds on a processor,
// nanoseconds of waiting for one, and time slices.
func parseSchedstat(line []byte) (runNS, timeSlices int64, err error) {
	fields := bytes.Fields(line)
	if len(fields) != 3 {
		return 0, 0, errNotSchedstat
	}
	runNS, hasRun := parseNumber(fields[0], 0, math.MaxInt64)
	timeSlices, hasSlices := parseNumber(fields[2], 0, math.MaxInt64)
	if !hasRun || !hasSlices {
		return 0, 0, errNotSchedstat
	}
	return runNS, timeSlices, nil
}

// parseIO parses the content of /proc/pid/io, for which see proc_pid_io(5): rchar is
// what read(2) and its like returned, and wchar what write(2) and its like took, from
// and to files, pipes, terminals and sockets alike; recv(2) and send(2) count nothing.
func parseIO(content []byte) (readBytes, writtenBytes int64, err error) {
	var hasRead, hasWritten bool
	for line := range bytes.Lines(content) {
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		switch string(name) {
		case "rchar":
			readBytes, hasRead = parseNumber(value, 0, math.MaxInt64)
		case "wchar":
			writtenBytes, hasWritten = parseNumber(value, 0, math.MaxInt64)
		}
	}
	if !hasRead || !hasWritten {
		return 0, 0, errNotIO
	}
	return readBytes, writtenBytes, nil
}

// appendPIDs appends the pids of a list as /proc/pid/task/tid/children has it:
// decimal numbers, a space behind each. The kernel writes 0 for a child in a pid
// namespace that the mount does not show.
func appendPIDs(pids []int64, list []byte) ([]int64, error) {
	for token := range bytes.FieldsSeq(list) {
		pid, ok := parseNumber(token, 0, maxPID)
		switch {
		case !ok:
			return pids, fmt.Errorf("parse children: %w", errNotPIDs)
		case pid == 0:
			return pids, errUnseen
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// parseNumber parses a decimal number within bounds.
func parseNumber(digits []byte, least, most int64) (number int64, ok bool) {
	number, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || number < least || number > most {
		return 0, false
	}
	return number, true
}

// validPID says whether a number can be the id of a process.
func validPID(pid int64) bool {
	return pid > 0 && pid <= maxPID
}
