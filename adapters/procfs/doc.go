// Package procfs reads processes from a mounted /proc, and the host's clocks.
//
// It opens stat, io, task, task/TID/children and task/TID/schedstat of a process, and
// of the mount itself stat, self/auxv, self/status and sys/kernel/random/boot_id:
// nothing else. Unlike cmdline, environ or maps, they do not hold what an operator
// would call private. All but io are world-readable and wait for no lock of the process
// that is read; io needs its uid or CAP_SYS_PTRACE, and waits while it becomes another
// program: since Linux 5.8 for an instant (exec_update_lock), before that for as long as
// execve(2) takes.
//
// It calls kill(2), with signal 0 only, for a pid that the mount does not show: the
// kernel then checks whether there is such a process, and sends nothing.
//
// Ticks are in units of Reader.ClockTicks. Field numbers in comments are those
// of /proc/pid/stat in proc_pid_stat(5).
package procfs
