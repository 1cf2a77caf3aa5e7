package domain

import (
	"slices"
	"time"
)

// Stage is an active task and how long it has been where it is.
type Stage struct {
	WorkItem *string `json:"work_item"`
	// Stage is empty only where the cell could not be read as text (an anomaly).
	Stage string `json:"stage"`
	// AgeInStageS is generated_at minus the moment the task entered its stage, in
	// whole seconds. It is not clamped: a clock that disagrees shows as a
	// negative age. Null for a missing or unreadable timestamp.
	AgeInStageS *int64  `json:"age_in_stage_s"`
	Repo        *string `json:"repo"`
	TaskID      int64   `json:"task_id"`
	// TaskRef is the task's id where it is no whole number; TaskID is then the first 53
	// bits of its SHA-256.
	TaskRef *string `json:"task_ref,omitempty"`
}

// Queue is the state of the job queue and of the worker that drains it.
type Queue struct {
	// Counts is the number of jobs by status; null if they could not be counted.
	Counts StatusCounts `json:"counts"`
	// Depth is the number of queued jobs; null when Counts is.
	Depth *int64 `json:"depth"`
	// Retries is null if they could not be counted.
	Retries *Retries `json:"retries"`
	// Worker is what the worker says of itself.
	Worker
}

// The statuses that are always counted, in the order of the envelope.
var knownStatuses = [...]string{"queued", "running", "done", "failed", "cancelled"}

// KnownStatuses returns them.
func KnownStatuses() []string { return slices.Clone(knownStatuses[:]) }

// StatusQueued is the status that makes up the queue's depth, StatusRunning that of
// the jobs that are listed.
const (
	StatusQueued  = "queued"
	StatusRunning = "running"
)

// StatusCounts is the number of jobs by status. A nil map is null.
type StatusCounts map[string]int64

// NewStatusCounts returns the five known statuses at 0.
func NewStatusCounts() StatusCounts {
	counts := make(StatusCounts, len(knownStatuses))
	for _, status := range knownStatuses {
		counts[status] = 0
	}
	return counts
}

// Retries sums up over all jobs how often they were started again. A job's
// unknown number of attempts counts as 0.
type Retries struct {
	// RetriedJobs is the number of jobs started more than once.
	RetriedJobs int64 `json:"retried_jobs"`
	// RetriesTotal is the number of starts beyond each job's first.
	RetriesTotal int64 `json:"retries_total"`
	// MaxAttemptsSeen is the highest number of starts of one job; 0 without jobs.
	MaxAttemptsSeen int64 `json:"max_attempts_seen"`
}

// Agent is a running job and the process that works on it.
type Agent struct {
	// Agent is the role that runs, such as "developer".
	Agent *string `json:"agent"`
	RunID *int64  `json:"run_id"`
	JobID int64   `json:"job_id"`
	Repo  *string `json:"repo"`
	// PID is the agent's process on this host; null before the spawn.
	PID *int64 `json:"pid"`
	// RuntimeS is generated_at minus the job's start, in whole seconds, not
	// clamped; null for a missing or unreadable timestamp.
	RuntimeS *int64  `json:"runtime_s"`
	Model    *string `json:"model"`
	Effort   *string `json:"effort"`
	// CPUTicks is utime + stime of PID, in ticks of clk_tck; null without a pid,
	// for a dead process, and on a platform without /proc.
	CPUTicks *int64 `json:"cpu_ticks"`
	// Process is null without a pid.
	Process *Process `json:"process"`
	// TaskID is the task that the job is for, and WorkItem its ticket; null where the
	// job names none, or no task has the id.
	TaskID   *int64  `json:"task_id"`
	WorkItem *string `json:"work_item"`
	// Host is where the agent runs; null if the source does not say.
	Host *string `json:"host"`
	// JobRef, RunRef and TaskRef are the source's own ids where they are no whole
	// numbers; the id beside each is then the first 53 bits of its SHA-256.
	JobRef  *string `json:"job_ref,omitempty"`
	RunRef  *string `json:"run_ref,omitempty"`
	TaskRef *string `json:"task_ref,omitempty"`
}

// Cost is what agent runs have cost.
type Cost struct {
	// Running has one entry per running job, by job id; empty on failure.
	Running []RunningCost `json:"running"`
	// Aggregate is over all runs; null if they could not be summed.
	Aggregate *CostTotals `json:"aggregate"`
	// ByModel is the same by model, by cost descending; empty if it is unknown. It has the
	// 64 models with most runs, and last one entry for all others. What its entries cost
	// adds up to the aggregate.
	ByModel []ModelCost `json:"by_model"`
}

// RunningCost is what a running job has cost so far. Null is honest: a run has
// no figures until its report is parsed.
type RunningCost struct {
	RunID               *int64   `json:"run_id"`
	JobID               int64    `json:"job_id"`
	Agent               *string  `json:"agent"`
	CostUSD             *float64 `json:"cost_usd"`
	InputTokens         *int64   `json:"input_tokens"`
	OutputTokens        *int64   `json:"output_tokens"`
	CacheReadTokens     *int64   `json:"cache_read_tokens"`
	CacheCreationTokens *int64   `json:"cache_creation_tokens"`
	// Model is that of the run.
	Model *string `json:"model"`
	// JobRef and RunRef are the source's own ids where they are no whole numbers.
	JobRef *string `json:"job_ref,omitempty"`
	RunRef *string `json:"run_ref,omitempty"`
}

// CostTotals sums all agent runs, finished or not; a run's unknown figure counts
// as 0, and without runs all are 0. A figure is null only if the orchestrator's
// database has no column for it.
type CostTotals struct {
	Runs                int64    `json:"runs"`
	CostUSD             *float64 `json:"cost_usd"`
	InputTokens         *int64   `json:"input_tokens"`
	OutputTokens        *int64   `json:"output_tokens"`
	CacheReadTokens     *int64   `json:"cache_read_tokens"`
	CacheCreationTokens *int64   `json:"cache_creation_tokens"`
}

// Task is an active task as its source knows it.
type Task struct {
	ID       int64
	WorkItem *string
	Stage    string
	Repo     *string
	// StageSince is when the task entered its stage; nil if unknown.
	StageSince *time.Time
	// Ref is the id as its source has it, if that is no whole number.
	Ref *string
}

// RunningJob is a running job with its run, as their source knows them. Agents
// and running costs are two views of the same jobs.
type RunningJob struct {
	ID    int64
	RunID *int64
	Agent *string
	Repo  *string
	PID   *int64
	// Host is where the job's agent runs; nil if unknown.
	Host *string
	// StartedAt is when the job was started; nil if unknown.
	StartedAt *time.Time
	// TaskID is the task that the job is for, and WorkItem its ticket.
	TaskID   *int64
	WorkItem *string
	// The ids as their source has them, if they are no whole numbers.
	Ref, RunRef, TaskRef *string

	// The run's own columns; all nil while it has no row.
	Model               *string
	Effort              *string
	CostUSD             *float64
	InputTokens         *int64
	OutputTokens        *int64
	CacheReadTokens     *int64
	CacheCreationTokens *int64
}
