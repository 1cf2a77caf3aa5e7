package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

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
