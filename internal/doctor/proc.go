package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/procfs"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// startedTogether is how far a process's start may be from its job's: an agent
// may be slow to start, and /proc has whole seconds.
const startedTogether = time.Minute

// moment is how long an orchestrator may take to note that an agent has ended.
const moment = 1500 * time.Millisecond

// hostPIDNamespace is what /proc/self/ns/pid says in the namespace that the kernel
// starts with (PROC_PID_INIT_INO in include/linux/proc_ns.h).
const hostPIDNamespace = "pid:[4026531836]"

// proc checks that processes can be seen: any at all, those of other users, and
// those that the running jobs name.
func (d *doctor) proc(ctx context.Context) Result {
	root := d.cfg.ProcRoot
	if runtime.GOOS != "linux" {
		return warning("this platform has no /proc: what is read from it is null", "")
	}
	reader := procfs.New(root)
	blind, err := blindTo(ctx, reader)
	if err != nil {
		return failed(root+" is no proc file system, or may not be read", "check ORCH_PROC_ROOT").as(domain.CodeProcUnreadable)
	}
	jobs, known := d.runningJobs(ctx)
	details, seen, hidden := processesOf(ctx, reader, jobs)
	for until := time.Now().Add(moment); slices.ContainsFunc(details, unwell) && time.Now().Before(until); time.Sleep(moment / 10) {
		details, jobs = d.stillRunning(ctx, details, jobs)
	}
	blind = blind || hidden
	message := fmt.Sprintf("%s %s; of %d running jobs %d have a process that started when they did", root, sight(root, blind), len(jobs), seen)
	if !known {
		missing := "see database"
		if d.jobs != nil && !d.unreadable {
			missing = "the jobs cannot be read, see schema"
		}
		message = fmt.Sprintf("%s %s; the running jobs' were not looked for: %s", root, sight(root, blind), missing)
	}
	result := ok(message)
	result.Details = details
	if slices.ContainsFunc(details, unwell) {
		result.Status = Warning
		result.Do = "did the orchestrator crash? Else share its pid namespace, or set ORCH_PROC_ROOT to the right proc file system"
	}
	if blind && (len(jobs) == 0 || result.Status != OK) {
		result.Status = Warning
		result.Do = "run as the agents' user, or join the group that may see all (gid= of the mount)"
	}
	return result
}

// blindTo tells whether a proc file system hides the processes of some users.
func blindTo(ctx context.Context, reader ports.CPUReader) (bool, error) {
	first, err := reader.Sample(ctx, []int64{1})
	if err == nil && reader.ClockTicks() == nil {
		err = domain.CodeProcUnreadable
	}
	blind := len(first) == 1 && first[0].Process != nil && first[0].Process.Status == domain.ProcessHidden
	return blind, err //nolint:wrapcheck // the callers say what it means
}

// sight says whose processes a proc file system shows.
func sight(root string, blind bool) string {
	if blind {
		return fmt.Sprintf("hides other users' processes from uid %d (hidepid), %s", os.Geteuid(), namespace(root))
	}
	return "sees all processes, " + namespace(root)
}

func unwell(detail Detail) bool { return detail.Status != OK }

// stillRunning leaves out what is wrong with a job that does not run any more, or
// has another process by now: a live orchestrator goes on while it is looked at, and
// needs a moment to note that an agent has ended. The details are those of the jobs,
// one by one.
func (d *doctor) stillRunning(ctx context.Context, details []Detail, jobs []domain.RunningJob) ([]Detail, []domain.RunningJob) {
	now, known := d.runningJobs(ctx)
	if !known {
		return details, jobs
	}
	same := func(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }
	var still []Detail
	var running []domain.RunningJob
	for i, detail := range details {
		stays := slices.ContainsFunc(now, func(job domain.RunningJob) bool { return job.ID == jobs[i].ID && same(job.PID, jobs[i].PID) })
		if !unwell(detail) || stays {
			still, running = append(still, detail), append(running, jobs[i])
		}
	}
	return still, running
}

// namespace says whether pids are the host's.
func namespace(root string) string {
	name, err := os.Readlink(filepath.Join(root, "self", "ns", "pid"))
	switch {
	case err != nil:
		return "from outside this process's pid namespace"
	case name == hostPIDNamespace:
		return "in the host's pid namespace"
	default:
		return "in a pid namespace of its own"
	}
}

func (d *doctor) runningJobs(ctx context.Context) ([]domain.RunningJob, bool) {
	if d.jobs == nil || d.unreadable {
		return nil, false
	}
	reading, err := d.jobs.RunningJobs(ctx)
	reading.Value = slices.DeleteFunc(slices.Clone(reading.Value), func(j domain.RunningJob) bool { return d.elsewhere(j.Host) })
	return reading.Value, err == nil || reading.Value != nil
}

// elsewhere tells whether a job's agent runs on another host.
func (d *doctor) elsewhere(host *string) bool {
	ours := orchmetrics.HostName(d.cfg)
	return host != nil && *host != "" && ours != "" && !domain.SameHost(*host, ours)
}

// processesOf looks for the process of each job, and counts those that are right.
// It tells whether any is hidden.
func processesOf(ctx context.Context, reader ports.CPUReader, jobs []domain.RunningJob) (details []Detail, seen int, hidden bool) {
	var pids []int64
	for _, job := range jobs {
		if job.PID != nil {
			pids = append(pids, *job.PID)
		}
	}
	samples, _ := reader.Sample(ctx, pids) // which of them could not be read is told of each
	for _, job := range jobs {
		detail := Detail{Subject: fmt.Sprintf("job %d", job.ID), Status: OK}
		if job.PID == nil {
			detail.Message = "has no pid yet"
			details = append(details, detail)
			continue
		}
		process := samples[0].Process
		samples = samples[1:]
		if process == nil {
			detail.Status, detail.Message = Warning, fmt.Sprintf("its process %d could not be read", *job.PID)
			details = append(details, detail)
			continue
		}
		detail.Status, detail.Message = compare(job, process)
		hidden = hidden || process.Status == domain.ProcessHidden
		if detail.Status == OK {
			seen++
		}
		details = append(details, detail)
	}
	return details, seen, hidden
}

// compare says whether a process can be the one that its job started.
func compare(job domain.RunningJob, process *domain.Process) (Status, string) {
	pid := *job.PID
	switch process.Status {
	case domain.ProcessOK:
	case domain.ProcessForeign:
		return Warning, fmt.Sprintf("its process %d is a thread of the kernel, and no agent: the pid is of another pid namespace", pid)
	default:
		return Warning, fmt.Sprintf("its process %d is %s", pid, process.Status)
	}
	kept := "" // from us
	if process.ReadBytes == nil {
		kept = fmt.Sprintf("; what it reads and writes is not for uid %d to see", os.Geteuid())
	}
	if job.StartedAt == nil || process.StartedAt == nil {
		return OK, fmt.Sprintf("its process %d runs; when either started is unknown%s", pid, kept)
	}
	switch after := process.StartedAt.Sub(*job.StartedAt); {
	case after > startedTogether:
		return Warning, fmt.Sprintf("its process %d started %s after it: another process has the pid now", pid, after)
	case after < -startedTogether:
		return Warning, fmt.Sprintf("its process %d started %s before it: another pid namespace, or clocks disagree", pid, -after)
	default:
		return OK, fmt.Sprintf("its process %d started when it did%s", pid, kept)
	}
}
