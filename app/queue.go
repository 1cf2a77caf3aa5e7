package app

import (
	"context"
	"sync"

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
	ctx, cancel := early(ctx)
	defer cancel()
	var (
		group                           sync.WaitGroup
		counts                          ports.Reading[domain.StatusCounts]
		retries                         ports.Reading[*domain.Retries]
		worker                          *domain.Worker
		countsErr, retriesErr, stateErr error
	)
	group.Go(func() { counts, countsErr = isolate(ctx, &q.counts, q.source.StatusCounts) })
	group.Go(func() { retries, retriesErr = isolate(ctx, &q.retries, q.source.Retries) })
	group.Go(func() { worker, stateErr = isolate(ctx, &q.state, q.readWorker) })
	group.Wait()

	err := join(countsErr, retriesErr, stateErr)
	if err != nil && counts.Value == nil && retries.Value == nil && worker == nil {
		return nil, err
	}
	queue := &domain.Queue{Counts: counts.Value, Retries: retries.Value}
	if counts.Value != nil {
		depth := counts.Value[domain.StatusQueued]
		queue.Depth = &depth
	}
	if worker != nil {
		queue.Worker = *worker
	}
	return ports.Collected{
		Value:     queue,
		Truncated: counts.Truncated,
		Anomalies: counts.Anomalies + retries.Anomalies,
	}, err
}

// readWorker takes nothing from the worker that the envelope could not show.
func (q *Queue) readWorker(ctx context.Context) (*domain.Worker, error) {
	worker, err := q.worker.WorkerState(ctx)
	if worker == nil {
		return nil, err
	}
	if err := worker.Validate(); err != nil {
		return nil, err
	}
	return worker, err
}
