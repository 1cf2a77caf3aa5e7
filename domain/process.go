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
	// ProcessUnsupported means that the platform has no /proc.
	ProcessUnsupported ProcessStatus = "unsupported"
)

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
}
