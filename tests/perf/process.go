package perf

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// CPU returns how much processor time a process has used. The kernel counts it
// in ticks of 10 ms.
func CPU(pid int) (time.Duration, error) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(line), ") ")
	fields := strings.Fields(rest) // from field 3 on, see proc(5)
	user, err := strconv.ParseInt(fields[14-3], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[15-3], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, err
}

// PeakMemory returns the most memory that a process ever had resident, in bytes.
func PeakMemory(pid int) (int64, error) { return memory(pid, "VmHWM") }

// FileMemory returns how much of what a process has resident are pages of files, in
// bytes: of its own program, nearly all of it.
func FileMemory(pid int) (int64, error) { return memory(pid, "RssFile") }

// memory reads a line of a process's status, see proc_pid_status(5).
func memory(pid int, name string) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("process %d has no %s", pid, name)
}
