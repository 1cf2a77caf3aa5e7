// Package procfs reads processes from a mounted /proc, and the host's clocks.
//
// It opens stat, task and task/TID/children of a process, and of the mount
// itself stat, self/auxv, self/status and sys/kernel/random/boot_id: nothing else.
// These are world-readable and, unlike cmdline, environ or maps, neither hold what
// an operator would call private nor wait for a lock of the process that is read.
//
// It calls kill(2), with signal 0 only, for a pid that the mount does not show: the
// kernel then checks whether there is such a process, and sends nothing.
//
// Ticks are in units of Reader.ClockTicks. Field numbers in comments are those
// of /proc/pid/stat in proc_pid_stat(5).
package procfs
