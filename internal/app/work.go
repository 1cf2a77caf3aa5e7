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

type stages struct{ source ports.StageSource }

// NewStages returns the section of active tasks.
func NewStages(source ports.StageSource) ports.Section { return stages{source} }

func (stages) Key() string  { return domain.KeyStages }
func (stages) Default() any { return []domain.Stage{} }

func (s stages) Collect(ctx context.Context) (any, error) {
	at, ok := ports.InstantOf(ctx)
	if !ok {
		return nil, errNoInstant
	}
	reading, err := s.source.ActiveTasks(ctx)
	if err != nil && reading.Value == nil {
		return nil, err
	}
	active := make([]domain.Stage, len(reading.Value))
	for i, task := range reading.Value {
		active[i] = domain.Stage{
			WorkItem:    task.WorkItem,
			Stage:       task.Stage,
			AgeInStageS: secondsSince(task.StageSince, at),
			Repo:        task.Repo,
			TaskID:      task.ID,
			TaskRef:     task.Ref,
		}
	}
	return ports.Collected{Value: active, Rows: new(int64(len(active))), Truncated: reading.Truncated, Anomalies: reading.Anomalies}, err
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

type queue struct {
	source ports.QueueSource
	worker ports.WorkerState
	guard  guard
}

// NewQueue returns the section of jobs by status and of the worker. Its three sources
// are isolated from each other: it fails only if nothing at all is known.
func NewQueue(source ports.QueueSource, worker ports.WorkerState) ports.Section {
	return &queue{source: source, worker: worker}
}

func (*queue) Key() string  { return domain.KeyQueue }
func (*queue) Default() any { return (*domain.Queue)(nil) }

func (q *queue) Collect(ctx context.Context) (any, error) {
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
	value := &domain.Queue{Counts: counts.Value, Retries: retries.Value}
	if counts.Value != nil {
		value.Depth = new(counts.Value[domain.StatusQueued])
	}
	if worker.Value != nil {
		value.Worker = *worker.Value
	}
	return ports.Collected{
		Value:     value,
		Truncated: counts.Truncated,
		Anomalies: counts.Anomalies + retries.Anomalies + worker.Anomalies,
		CountedAt: earlier(counts.CountedAt, retries.CountedAt),
		AsOf:      earlier(counts.AsOf, retries.AsOf),
	}, err
}

// readWorker takes nothing from the worker that the envelope could not show.
func (q *queue) readWorker(ctx context.Context) (reading ports.Reading[*domain.Worker], err error) {
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
	if unreadable, is := errors.AsType[*ports.UnreadableError](err); is {
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
