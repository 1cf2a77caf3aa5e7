package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// RunningJobs implements ports.AgentSource. Without a table of runs the jobs
// are still listed, with nil for the runs' columns.
func (s *Store) RunningJobs(ctx context.Context) (ports.Reading[[]domain.RunningJob], error) {
	return read(ctx, s, runningJobs, func(ses *session) (ports.Reading[[]domain.RunningJob], error) {
		jobs, err := ses.columns("jobs", "j", "id", "status")
		if err != nil {
			return ports.Reading[[]domain.RunningJob]{}, err
		}
		runs, runsErr := ses.columns("agent_runs", "r", "id")
		if err := unlessDrift(runsErr); err != nil {
			return ports.Reading[[]domain.RunningJob]{}, err
		}
		from, status, err := ses.by("jobs", "j", "status")
		if err != nil {
			return ports.Reading[[]domain.RunningJob]{}, err
		}
		join := "LEFT JOIN agent_runs r ON r.id = " + jobs.ref("run_id")
		if runsErr != nil {
			runs, join = &columns{table: "agent_runs"}, ""
		}
		query := fmt.Sprintf(`SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s FROM %s %s
			WHERE %s = 'running' ORDER BY j.id LIMIT ?`,
			jobs.integerOf("id"), jobs.integerOf("run_id"), jobs.textOf("agent"), jobs.textOf("repo"),
			jobs.integerOf("pid"), jobs.epochOf("started_at"),
			runs.textOf("model"), runs.textOf("effort"), runs.realOf("cost_usd"),
			runs.integerOf("input_tokens"), runs.integerOf("output_tokens"),
			runs.integerOf("cache_read_tokens"), runs.integerOf("cache_creation_tokens"), from, join, status)
		reading, err := list(ses, query, scanRunningJob)
		if err != nil {
			return reading, err
		}
		if runsErr != nil {
			return reading, runsErr
		}
		return reading, errors.Join(jobs.drift(), runs.drift())
	})
}

func scanRunningJob(row *cells) domain.RunningJob {
	return domain.RunningJob{
		ID:        row.number(),
		RunID:     row.integer(),
		Agent:     row.text(),
		Repo:      row.text(),
		PID:       row.integer(),
		StartedAt: row.instant(),

		Model:               row.text(),
		Effort:              row.text(),
		CostUSD:             row.real(),
		InputTokens:         row.integer(),
		OutputTokens:        row.integer(),
		CacheReadTokens:     row.integer(),
		CacheCreationTokens: row.integer(),
	}
}
