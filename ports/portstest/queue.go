package portstest

import (
	"testing"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// QueueSource proves an adapter of ports.QueueSource.
func QueueSource(t *testing.T, open func(testing.TB, Data) ports.QueueSource) {
	t.Helper()
	t.Run("status counts", func(t *testing.T) { run(t, countChecks(), open) })
	t.Run("retries", func(t *testing.T) { run(t, retryChecks(), open) })
}

func countChecks() []check[ports.QueueSource] {
	return readings(
		func(s ports.QueueSource) reader[domain.StatusCounts] { return s.StatusCounts },
		answer[domain.StatusCounts]{"no jobs", Data{}, func() domain.StatusCounts {
			return domain.StatusCounts{"queued": 0, "running": 0, "done": 0, "failed": 0, "cancelled": 0}
		}},
		answer[domain.StatusCounts]{"known statuses always, others if found", busy(), func() domain.StatusCounts {
			return domain.StatusCounts{"queued": 2, "running": 4, "done": 1, "failed": 1, "cancelled": 0, "on hold": 1}
		}},
	)
}

func retryChecks() []check[ports.QueueSource] {
	return readings(
		func(s ports.QueueSource) reader[*domain.Retries] { return s.Retries },
		answer[*domain.Retries]{"no jobs", Data{}, func() *domain.Retries { return &domain.Retries{} }},
		answer[*domain.Retries]{"no retries", idle(), func() *domain.Retries { return &domain.Retries{MaxAttemptsSeen: 1} }},
		answer[*domain.Retries]{"jobs of any status", busy(), func() *domain.Retries {
			return &domain.Retries{RetriedJobs: 3, RetriesTotal: 6, MaxAttemptsSeen: 4}
		}},
	)
}
