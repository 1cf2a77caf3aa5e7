package portstest

import (
	"testing"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// AgentSource proves an adapter of ports.AgentSource.
func AgentSource(t *testing.T, open func(testing.TB, Data) ports.AgentSource) {
	t.Helper()
	run(t, agentChecks(), open)
}

func agentChecks() []check[ports.AgentSource] {
	none := func() []domain.RunningJob { return []domain.RunningJob{} }
	return readings(
		func(s ports.AgentSource) reader[[]domain.RunningJob] { return s.RunningJobs },
		answer[[]domain.RunningJob]{"no jobs", Data{}, none},
		answer[[]domain.RunningJob]{"no running jobs", idle(), none},
		answer[[]domain.RunningJob]{"running jobs by id, with their runs", busy(), runningJobs},
	)
}

// runningJobs are those of busy. Zero is a figure, nil is none.
func runningJobs() []domain.RunningJob {
	return []domain.RunningJob{
		{ID: 21, RunID: new(int64(90)), Agent: new("reviewer"), Model: new("claude-sonnet-4-5"), TaskID: new(int64(7))},
		{ID: 22, RunID: new(int64(1000))},
		{ID: 23, TaskID: new(int64(1000))},
		{
			ID: 40, RunID: new(int64(91)), Agent: new("developer"), Repo: new("core"), PID: new(int64(4711)), StartedAt: noon(),
			Model: new("claude-opus-4-8"), Effort: new("high"), CostUSD: new(0.0), InputTokens: new(int64(0)),
			OutputTokens: new(int64(1)), CacheReadTokens: new(int64(1 << 40)), CacheCreationTokens: new(int64(3)),
			TaskID: new(int64(3)), WorkItem: new("ORCH-003"),
		},
	}
}
