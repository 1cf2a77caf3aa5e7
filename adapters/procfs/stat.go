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

// kernelThread is PF_KTHREAD of the kernel's include/linux/sched.h, in field 9:
// a thread of the kernel, and no program that anybody has started.
const kernelThread = 0x00200000

// lastField is the last field that matters.
const lastField = 38

// errNotStat means that bytes are not a line of /proc/pid/stat.
var errNotStat = errors.New("not a line of /proc/pid/stat")

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
	before, after, ok := cutCommand(line)
	if !ok {
		return stat{}, fmt.Errorf("find the command: %w", errNotStat)
	}
	var f fields
	f.values[1] = before
	for field := 3; field <= lastField; field++ {
		f.values[field], after, _ = bytes.Cut(after, []byte(" "))
		if len(f.values[field]) == 0 {
			f.fail(field)
		}
	}
	st := stat{
		pid:      f.number(1, 1, maxPID),
		state:    f.letter(3),
		ppid:     f.number(4, 0, maxPID),
		kernel:   f.number(9, 0, math.MaxUint32)&kernelThread != 0,
		utime:    f.number(14, 0, maxTicks),
		stime:    f.number(15, 0, maxTicks),
		cutime:   f.number(16, -maxTicks, maxTicks),
		cstime:   f.number(17, -maxTicks, maxTicks),
		threads:  f.number(20, 0, maxPID),
		start:    f.number(22, 0, maxStart),
		rssPages: f.number(24, 0, maxPages),
		leader:   f.number(lastField, -1, maxPID) >= 0,
	}
	if f.err != nil {
		return stat{}, f.err
	}
	return st, nil
}

// cutCommand gives what is before " (" and what is behind the last ") ".
func cutCommand(line []byte) (before, after []byte, ok bool) {
	end := bytes.LastIndexByte(line, ')')
	if end < 0 {
		return nil, nil, false
	}
	before, _, opened := bytes.Cut(line[:end], []byte(" ("))
	after, closed := bytes.CutPrefix(line[end+1:], []byte(" "))
	return before, bytes.TrimSuffix(after, []byte("\n")), opened && closed
}

// fields are those of a line, each at its number, and the first error on the way
// through them.
type fields struct {
	values [lastField + 1][]byte
	err    error
}

// number is a field that is a number within bounds.
func (f *fields) number(field int, least, most int64) int64 {
	n, err := strconv.ParseInt(string(f.values[field]), 10, 64)
	if err != nil || n < least || n > most {
		f.fail(field)
	}
	return n
}

// letter is a field that is one letter.
func (f *fields) letter(field int) byte {
	value := f.values[field]
	if len(value) != 1 || !unicode.IsLetter(rune(value[0])) || value[0] > unicode.MaxASCII {
		f.fail(field)
		return 0
	}
	return value[0]
}

// fail keeps the first error.
func (f *fields) fail(field int) {
	if f.err == nil {
		f.err = fmt.Errorf("parse field %d: %w", field, errNotStat)
	}
}

// maxPID is PID_MAX_LIMIT, the greatest value of /proc/sys/kernel/pid_max on a
// 64-bit kernel; see proc_sys_kernel(5).
const maxPID = 1 << 22

var (
	// errNotPIDs means that bytes are not a list of pids.
	errNotPIDs = errors.New("not a list of pids")
	// errUnseen means that a process lives that this mount does not show, so that a
	// tree with it cannot be summed.
	errUnseen = errors.New("a process of the tree cannot be seen")
)

// validPID says whether a number can be the id of a process. One that cannot
// never becomes a path.
func validPID(pid int64) bool {
	return pid > 0 && pid <= maxPID
}

// appendPIDs appends the pids of a list as /proc/pid/task/tid/children has it:
// decimal numbers, a space behind each. The kernel writes 0 for a child in a pid
// namespace that the mount does not show.
func appendPIDs(pids []int64, list []byte) ([]int64, error) {
	for token := range bytes.FieldsSeq(list) {
		pid, err := strconv.ParseInt(string(token), 10, 64)
		switch {
		case err != nil || pid != 0 && !validPID(pid):
			return pids, fmt.Errorf("parse children: %w", errNotPIDs)
		case pid == 0:
			return pids, errUnseen
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
