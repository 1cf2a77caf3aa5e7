package app

import (
	"context"
	"errors"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Queue is the section of jobs by status and of the worker. Its three sources
// are isolated from each other.
type Queue struct {
	source  ports.QueueSource
	worker  ports.WorkerState
	counts  guard
	retries guard
	state   guard
}

// NewQueue returns the section over its sources.
func NewQueue(source ports.QueueSource, worker ports.WorkerState) *Queue {
	return &Queue{source: source, worker: worker}
}

// Key implements ports.Section.
func (*Queue) Key() string { return domain.KeyQueue }

// Default implements ports.Section.
func (*Queue) Default() any { return (*domain.Queue)(nil) }

// Collect implements ports.Section. It fails only if nothing at all is known.
func (q *Queue) Collect(ctx context.Context) (any, error) {
	ctx, cancel := withMargin(ctx)
	defer cancel()
	counting := begin(ctx, &q.counts, q.source.StatusCounts)
	retrying := begin(ctx, &q.retries, q.source.Retries)
	working := begin(ctx, &q.state, q.readWorker)
	counts, countsErr := counting.wait(ctx)
	retries, retriesErr := retrying.wait(ctx)
	state, stateErr := working.wait(ctx)

	if err := failure(countsErr, retriesErr, stateErr); err != nil && counts.Value == nil && retries.Value == nil && state.Value == nil {
		return nil, err
	}
	err := join(unlessLeftOut(countsErr), unlessLeftOut(retriesErr), stateErr)
	queue := &domain.Queue{Counts: counts.Value, Retries: retries.Value}
	if counts.Value != nil {
		depth := counts.Value[domain.StatusQueued]
		queue.Depth = &depth
	}
	if state.Value != nil {
		queue.Worker = *state.Value
	}
	return ports.Collected{
		Value:     queue,
		Truncated: counts.Truncated,
		Anomalies: counts.Anomalies + retries.Anomalies + state.Anomalies,
		CountedAt: earlier(counts.CountedAt, retries.CountedAt),
		AsOf:      earlier(counts.AsOf, retries.AsOf),
	}, err
}

// readWorker takes nothing from the worker that the envelope could not show.
func (q *Queue) readWorker(ctx context.Context) (ports.Reading[*domain.Worker], error) {
	shared, err := q.worker.WorkerState(ctx)
	if shared == nil {
		return ports.Reading[*domain.Worker]{}, err
	}
	worker, anomalies := *shared, int64(0)
	worker.PollInterval = sanitizeNumber(worker.PollInterval, &anomalies)
	worker.WorkerUpdatedAt = sanitizeTime(worker.WorkerUpdatedAt, &anomalies)
	if invalid := worker.Validate(); invalid != nil {
		worker.Breaker = nil // nothing else is left that could be wrong
		anomalies++
		err = join(err, invalid)
	}
	if unreadable := (*ports.UnreadableError)(nil); errors.As(err, &unreadable) {
		anomalies += int64(len(unreadable.Values))
	}
	return ports.Reading[*domain.Worker]{Value: &worker, Anomalies: anomalies}, err
}

// earlier returns the earlier of two times, of which either may be unknown.
func earlier(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.Before(*a) {
		return b
	}
	return a
}
