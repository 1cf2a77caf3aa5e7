package domain

import "time"

// ProcessStatus says what is known of an agent's process.
type ProcessStatus string

const (
	// ProcessOK means the process was read.
	ProcessOK ProcessStatus = "ok"
	// ProcessGone means that no process has the pid.
	ProcessGone ProcessStatus = "gone"
	// ProcessZombie means that the process has ended and was not yet waited for;
	// its ticks are frozen.
	ProcessZombie ProcessStatus = "zombie"
	// ProcessHidden means that this service may not see the process, so that it
	// cannot tell whether it lives.
	ProcessHidden ProcessStatus = "hidden"
	// ProcessForeign means that the pid is that of a thread of the kernel, which
	// nobody's agent can be: it is of another host or pid namespace, or was made up.
	ProcessForeign ProcessStatus = "foreign"
	// ProcessRemote means that the job's agent runs on another host, where nobody
	// looked.
	ProcessRemote ProcessStatus = "remote"
	// ProcessUnsupported means that the platform has no /proc.
	ProcessUnsupported ProcessStatus = "unsupported"
)

// ProcessStatuses returns all that the status of a process can be.
func ProcessStatuses() []ProcessStatus {
	return []ProcessStatus{ProcessOK, ProcessGone, ProcessZombie, ProcessHidden, ProcessForeign, ProcessRemote, ProcessUnsupported}
}

// Process is an agent's process and the tree of processes below it. All but
// Status is null where it could not be read. Field numbers are those of
// /proc/pid/stat in proc_pid_stat(5); ticks are in units of clk_tck.
type Process struct {
	Status ProcessStatus `json:"status"`
	// State is the kernel's one-letter state (field 3), such as "R", "S" or "D".
	State *string `json:"state"`
	// StartTicks is when the process started, in ticks since boot (field 22).
	// Together with the pid it identifies a process across reuse of the pid.
	StartTicks *int64 `json:"start_ticks"`
	// StartedAt is StartTicks on the wall clock, UTC, in whole seconds.
	StartedAt *time.Time `json:"started_at"`
	// Threads is the number of threads (field 20).
	Threads *int64 `json:"threads"`
	// RSSBytes is the resident set (field 24) in bytes.
	RSSBytes *int64 `json:"rss_bytes"`
	// ChildrenCPUTicks is cutime + cstime: children that ended and were waited for.
	ChildrenCPUTicks *int64 `json:"children_cpu_ticks"`
	// TreeCPUTicks is own + waited-for + the same of all live descendants: an
	// agent that waits for its test run uses no CPU of its own.
	TreeCPUTicks *int64 `json:"tree_cpu_ticks"`
	// TreeProcesses is how many processes TreeCPUTicks sums, the agent included.
	TreeProcesses *int64 `json:"tree_processes"`
	// SampledBoottimeMS is CLOCK_BOOTTIME in milliseconds when the ticks were read.
	SampledBoottimeMS *int64 `json:"sampled_boottime_ms"`
	// StartedAfterJobS is how many seconds after the job's start the process started,
	// below zero if before; null unless both are known. Each is in whole seconds, so
	// that it is right to two. An agent starts when its job does: far from it, the pid
	// is that of a stranger.
	StartedAfterJobS *int64 `json:"started_after_job_s"`
	// RunNS is for how many nanoseconds the threads that live have run: it moves where
	// cpu_ticks are too coarse. It falls when a thread ends: what is less than before is
	// unknown. Null where the kernel does not count it.
	RunNS *int64 `json:"run_ns"`
	// TimeSlices is how often the threads that live were given a processor: whoever waits
	// for something wakes up when it comes, however little there is to do then. It falls
	// as RunNS does.
	TimeSlices *int64 `json:"time_slices"`
	// ReadBytes is how much the process, its ended threads and the children that it waited
	// for have read from files, pipes, terminals and sockets by read(2) and its like (rchar
	// in proc_pid_io(5)); recv(2), which most programs read sockets with, is not counted.
	// Null where this service may not know.
	ReadBytes *int64 `json:"read_bytes"`
	// WrittenBytes is the same of write(2) (wchar).
	WrittenBytes *int64 `json:"written_bytes"`
	// TreeRunNS is RunNS of the process and all live descendants, null if that of one of
	// them is unknown. It falls when one ends or leaves the tree.
	TreeRunNS *int64 `json:"tree_run_ns"`
	// TreeTimeSlices is TimeSlices of the tree, as TreeRunNS.
	TreeTimeSlices *int64 `json:"tree_time_slices"`
	// TreeReadBytes is ReadBytes of the tree, as TreeRunNS; what a child has read that was
	// waited for stays in it.
	TreeReadBytes *int64 `json:"tree_read_bytes"`
	// TreeWrittenBytes is WrittenBytes of the tree, as TreeReadBytes.
	TreeWrittenBytes *int64 `json:"tree_written_bytes"`
}
