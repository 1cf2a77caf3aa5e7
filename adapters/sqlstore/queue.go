package sqlstore

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// jobTotals is what one pass over the jobs tells both sources of the queue.
type jobTotals struct {
	sums    jobSums
	counted time.Time
	err     error
}

// jobTotals reads the totals once in a view.
func (s *session) jobTotals() jobTotals {
	if s.view.jobs == nil {
		var t jobTotals
		t.sums, t.counted, t.err = total(s, &s.view.store.history.jobs)
		s.view.jobs = &t
	}
	return *s.view.jobs
}

// StatusCounts implements ports.QueueSource. A job whose status is not text is
// an anomaly, and counted nowhere.
func (s *Store) StatusCounts(ctx context.Context) (ports.Reading[domain.StatusCounts], error) {
	return read(ctx, s, statusCounts, func(ses *session) (ports.Reading[domain.StatusCounts], error) {
		if _, err := ses.columns("jobs", "j", "status"); err != nil {
			return ports.Reading[domain.StatusCounts]{}, err
		}
		jobs := ses.jobTotals()
		if jobs.err != nil {
			return ports.Reading[domain.StatusCounts]{}, jobs.err
		}
		counts := domain.NewStatusCounts()
		for i, status := range countedStatuses {
			counts[status] = jobs.sums.counts[i]
		}
		maps.Copy(counts, jobs.sums.others)
		return ports.Reading[domain.StatusCounts]{
			Value:     counts,
			Truncated: jobs.sums.truncated,
			Anomalies: jobs.sums.oddStatuses,
			CountedAt: &jobs.counted,
		}, nil
	})
}

// Retries implements ports.QueueSource.
func (s *Store) Retries(ctx context.Context) (ports.Reading[*domain.Retries], error) {
	return read(ctx, s, retries, func(ses *session) (ports.Reading[*domain.Retries], error) {
		if _, err := ses.columns("jobs", "j", "attempts"); err != nil {
			return ports.Reading[*domain.Retries]{}, err
		}
		jobs := ses.jobTotals()
		if jobs.err != nil {
			return ports.Reading[*domain.Retries]{}, jobs.err
		}
		if jobs.sums.overflow {
			return ports.Reading[*domain.Retries]{}, fmt.Errorf("sum attempts: beyond 64 bits: %w", domain.CodeInvalidValue)
		}
		return ports.Reading[*domain.Retries]{
			Value:     &jobs.sums.retries,
			Anomalies: jobs.sums.oddAttempts,
			CountedAt: &jobs.counted,
		}, nil
	})
}
