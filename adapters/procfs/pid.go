package procfs

// maxPID is PID_MAX_LIMIT, the greatest value of /proc/sys/kernel/pid_max on a
// 64-bit kernel; see proc_sys_kernel(5).
const maxPID = 1 << 22

// validPID says whether a number can be the id of a process. One that cannot
// never becomes a path.
func validPID(pid int64) bool {
	return pid > 0 && pid <= maxPID
}
