package app

import (
	"context"
	"errors"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// This file has the sections of the work that there is: the tasks by their stage, and the
// jobs by their status.

// Stages is the section of active tasks.
type Stages struct {
	source ports.StageSource
}

// NewStages returns the section over its source.
func NewStages(source ports.StageSource) *Stages { return &Stages{source: source} }

// Key implements ports.Section.
func (*Stages) Key() string { return domain.KeyStages }

// Default implements ports.Section.
func (*Stages) Default() any { return []domain.Stage{} }

// Collect implements ports.Section.
func (s *Stages) Collect(ctx context.Context) (any, error) {
	at, ok := ports.InstantOf(ctx)
	if !ok {
		return nil, errNoInstant
	}
	reading, err := s.source.ActiveTasks(ctx)
	if err != nil && reading.Value == nil {
		return nil, err
	}
	stages := make([]domain.Stage, len(reading.Value))
	for i, task := range reading.Value {
		stages[i] = domain.Stage{
			WorkItem:    task.WorkItem,
			Stage:       task.Stage,
			AgeInStageS: secondsSince(task.StageSince, at),
			Repo:        task.Repo,
			TaskID:      task.ID,
			TaskRef:     task.Ref,
		}
	}
	return ports.Collected{Value: stages, Rows: new(int64(len(stages))), Truncated: reading.Truncated, Anomalies: reading.Anomalies}, err
}

var errNoInstant = errors.New("collect: the context has no instant")

// secondsSince counts whole seconds from then to the instant. It is not clamped:
// a negative age shows that two clocks disagree.
func secondsSince(then *time.Time, at domain.Instant) *int64 {
	if then == nil {
		return nil
	}
	return new(at.Time().Unix() - then.Unix())
}

// Queue is the section of jobs by status and of the worker. Its three sources
// are isolated from each other.
type Queue struct {
	source ports.QueueSource
	worker ports.WorkerState
	guard  guard
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
	counting := begin(ctx, &q.guard, "counts", q.source.StatusCounts)
	retrying := begin(ctx, &q.guard, "retries", q.source.Retries)
	working := begin(ctx, &q.guard, "worker", q.readWorker)
	counts, countsErr := counting.wait(ctx)
	retries, retriesErr := retrying.wait(ctx)
	worker, workerErr := working.wait(ctx)

	known := counts.Value != nil || retries.Value != nil || worker.Value != nil
	err := joined(known, countsErr, retriesErr, workerErr)
	if err != nil && !known {
		return nil, err
	}
	queue := &domain.Queue{Counts: counts.Value, Retries: retries.Value}
	if counts.Value != nil {
		queue.Depth = new(counts.Value[domain.StatusQueued])
	}
	if worker.Value != nil {
		queue.Worker = *worker.Value
	}
	return ports.Collected{
		Value:     queue,
		Truncated: counts.Truncated,
		Anomalies: counts.Anomalies + retries.Anomalies + worker.Anomalies,
		CountedAt: earlier(counts.CountedAt, retries.CountedAt),
		AsOf:      earlier(counts.AsOf, retries.AsOf),
	}, err
}

// readWorker takes nothing from the worker that the envelope could not show.
func (q *Queue) readWorker(ctx context.Context) (reading ports.Reading[*domain.Worker], err error) {
	shared, err := q.worker.WorkerState(ctx)
	if shared == nil {
		return reading, err
	}
	worker := *shared
	worker.PollInterval = sanitizeNumber(worker.PollInterval, &reading.Anomalies)
	worker.WorkerUpdatedAt = sanitizeTime(worker.WorkerUpdatedAt, &reading.Anomalies)
	if invalid := worker.Validate(); invalid != nil {
		worker.Breaker = nil // nothing else is left that could be wrong
		reading.Anomalies++
		err = joined(true, err, invalid)
	}
	if unreadable := (*ports.UnreadableError)(nil); errors.As(err, &unreadable) {
		reading.Anomalies += int64(len(unreadable.Values))
	}
	reading.Value = &worker
	return reading, err
}

// earlier returns the earlier of two times, of which either may be unknown.
func earlier(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.Before(*a) {
		return b
	}
	return a
}
