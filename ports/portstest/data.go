package portstest

import (
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Data is what an orchestrator knows.
type Data struct {
	Tasks []domain.Task
	Jobs  []Job
	Runs  []Run
}

// Job is a job in any status.
type Job struct {
	ID        int64
	Status    string
	Attempts  *int64
	Agent     *string
	Repo      *string
	PID       *int64
	StartedAt *time.Time
	// RunID may name a run that has no row, and TaskID a task.
	RunID  *int64
	TaskID *int64
}

// Run is an agent's run, finished or not.
type Run struct {
	ID                  int64
	Model               *string
	Effort              *string
	CostUSD             *float64
	InputTokens         *int64
	OutputTokens        *int64
	CacheReadTokens     *int64
	CacheCreationTokens *int64
}

// noon is when everything in busy happens.
func noon() *time.Time {
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	return &at
}

// busy is an orchestrator at work, with every kind of row that the ports tell
// apart. Each call returns a new one.
func busy() Data {
	return Data{
		Tasks: []domain.Task{
			{ID: 12, WorkItem: new("ORCH-012"), Stage: "review", Repo: new("web"), StageSince: noon()},
			{ID: 3, WorkItem: new("ORCH-003"), Stage: "done", Repo: new("core"), StageSince: noon()},
			{ID: 7, Stage: "analysis"},
			{ID: 8, WorkItem: new(""), Stage: "cancelled"},
			{ID: 9, WorkItem: new("Größe 🙂"), Stage: "Done", Repo: new("")},
		},
		Jobs: []Job{
			{
				ID: 40, Status: "running", Attempts: new(int64(1)), Agent: new("developer"), Repo: new("core"),
				PID: new(int64(4711)), StartedAt: noon(), RunID: new(int64(91)), TaskID: new(int64(3)),
			},
			{ID: 21, Status: "running", Attempts: new(int64(4)), Agent: new("reviewer"), RunID: new(int64(90)), TaskID: new(int64(7))},
			{ID: 22, Status: "running", RunID: new(int64(1000))},  // its run has no row yet
			{ID: 23, Status: "running", TaskID: new(int64(1000))}, // so has its task
			{ID: 1, Status: "done", Attempts: new(int64(2)), RunID: new(int64(89))},
			{ID: 2, Status: "queued", Attempts: new(int64(0))},
			{ID: 5, Status: "queued"},
			{ID: 6, Status: "failed", Attempts: new(int64(3))},
			{ID: 50, Status: "done", Attempts: new(int64(1))},
		},
		Runs: []Run{
			{
				ID: 91, Model: new("claude-opus-4-8"), Effort: new("high"), CostUSD: new(0.0), InputTokens: new(int64(0)),
				OutputTokens: new(int64(1)), CacheReadTokens: new(int64(1 << 40)), CacheCreationTokens: new(int64(3)),
			},
			{ID: 90, Model: new("claude-sonnet-4-5")},
			{ID: 89, CostUSD: new(1.75), InputTokens: new(int64(1000)), OutputTokens: new(int64(100)), CacheReadTokens: new(int64(10))},
		},
	}
}

// idle is an orchestrator whose tables have rows, of which none is active.
func idle() Data {
	return Data{
		Tasks: []domain.Task{{ID: 1, Stage: "done", StageSince: noon()}, {ID: 2, Stage: "cancelled"}},
		Jobs:  []Job{{ID: 1, Status: "done", Attempts: new(int64(1)), RunID: new(int64(1))}},
		Runs:  []Run{{ID: 1}},
	}
}
