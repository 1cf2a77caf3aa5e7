package portstest

import (
	"slices"
	"testing"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// QueueOption is what an adapter of ports.QueueSource need not do.
type QueueOption int

// KnownStatuses is for a store whose jobs can have no status but the five known ones.
const KnownStatuses QueueOption = iota

// QueueSource proves an adapter of ports.QueueSource.
func QueueSource(t *testing.T, open func(testing.TB, Data) ports.QueueSource, options ...QueueOption) {
	t.Helper()
	t.Run("status counts", func(t *testing.T) {
		run(t, countChecks(), open)
		if !slices.Contains(options, KnownStatuses) {
			run(t, otherStatusChecks(), open)
		}
	})
	t.Run("retries", func(t *testing.T) { run(t, retryChecks(), open) })
}

func countChecks() []check[ports.QueueSource] {
	return readings(
		func(s ports.QueueSource) reader[domain.StatusCounts] { return s.StatusCounts },
		answer[domain.StatusCounts]{"no jobs", Data{}, func() domain.StatusCounts {
			return domain.StatusCounts{"queued": 0, "running": 0, "done": 0, "failed": 0, "cancelled": 0}
		}},
		answer[domain.StatusCounts]{"known statuses always", busy(), func() domain.StatusCounts {
			return domain.StatusCounts{"queued": 2, "running": 4, "done": 2, "failed": 1, "cancelled": 0}
		}},
	)
}

// otherStatusChecks have a job of a status that is not known.
func otherStatusChecks() []check[ports.QueueSource] {
	data := busy()
	data.Jobs = append(data.Jobs, Job{ID: 51, Status: "on hold"})
	return []check[ports.QueueSource]{{"other statuses if found", data, func(t testing.TB, adapter ports.QueueSource) {
		requireReading(t, domain.StatusCounts{"queued": 2, "running": 4, "done": 2, "failed": 1, "cancelled": 0, "on hold": 1}, adapter.StatusCounts)
	}}}
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
