package profile

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/ports"
)

// ActiveTasks implements ports.StageSource.
func (s *Store) ActiveTasks(ctx context.Context) (ports.Reading[[]domain.Task], error) {
	return list(ctx, s, Stages, func(t *domain.Task) int64 { return t.ID }, func(r reader) (domain.Task, bool) {
		id, ref := r.id()
		task := domain.Task{Ref: ref}
		r.Scan(&task.Stage, &task.WorkItem, &task.Repo)
		task.StageSince = r.time("since")
		if id == nil {
			r.Anomaly(1)
			return task, false
		}
		task.ID = *id
		return task, true
	})
}

// RunningJobs implements ports.AgentSource. In a scrape they are read once.
func (s *Store) RunningJobs(ctx context.Context) (none ports.Reading[[]domain.RunningJob], err error) {
	ctx, v, end := s.viewed(ctx)
	defer end()
	if err := v.turn.Acquire(ctx, 1); err != nil {
		return none, fmt.Errorf("wait for the running jobs: %w: %w", domain.CodeTimeout, err)
	}
	defer v.turn.Release(1)
	for _, view := range v.views {
		if err := view.Ended(); err != nil {
			return none, err //nolint:wrapcheck // says what it could not do
		}
	}
	if v.running == nil {
		reading, err := s.readRunning(ctx)
		if ctx.Err() != nil {
			return reading, err // another caller may have more time
		}
		v.running = &result[[]domain.RunningJob]{reading, err}
	}
	return v.running.reading, v.running.err
}

func (s *Store) readRunning(ctx context.Context) (ports.Reading[[]domain.RunningJob], error) {
	return list(ctx, s, Running, func(j *domain.RunningJob) int64 { return j.ID }, func(r reader) (job domain.RunningJob, ok bool) {
		id, ref := r.id()
		job.Ref = ref
		job.RunID, job.RunRef = r.id()
		job.TaskID, job.TaskRef = r.id()
		r.Scan(&job.WorkItem, &job.Agent, &job.Repo, &job.PID, &job.Host)
		job.StartedAt = r.time("started_at")
		r.Scan(&job.Model, &job.Effort, &job.CostUSD, &job.InputTokens, &job.OutputTokens, &job.CacheReadTokens, &job.CacheCreationTokens)
		if id == nil {
			r.Anomaly(1)
			return job, false
		}
		job.ID = *id
		return job, true
	})
}

// StatusCounts implements ports.QueueSource. What waits and what runs is of the scrape,
// so that it never contradicts the jobs that are listed, while those that have ended are
// as old as the reading says.
func (s *Store) StatusCounts(ctx context.Context) (ports.Reading[domain.StatusCounts], error) {
	ctx, _, end := s.viewed(ctx)
	defer end()
	reading, err := history(ctx, s, Counts, s.counts, s.readCounts)
	if reading.Value == nil {
		return reading, err
	}
	reading.Value = maps.Clone(reading.Value)
	if s.profile.Has(Running) {
		running, runningErr := s.RunningJobs(ctx)
		if running.Value != nil && !running.Truncated {
			reading.Value[domain.StatusRunning] = int64(len(running.Value))
		}
		err = errors.Join(err, unlessLeftOut(runningErr))
	}
	if s.profile.Has(Waiting) {
		waiting, waitingErr := read(ctx, s, Waiting, func(_ *scrape, session *engine.Session, q *query) (ports.Reading[*int64], error) {
			return one(session, q, func(r reader) *int64 { return r.count() })
		})
		if waiting.Value != nil {
			reading.Value[domain.StatusQueued] = *waiting.Value
		}
		reading.Anomalies += waiting.Anomalies
		err = errors.Join(err, unlessLeftOut(waitingErr))
	}
	return reading, err
}

func unlessLeftOut(err error) error {
	if errors.Is(err, domain.CodeNotInProfile) {
		return nil
	}
	return err
}

// maxStatuses is how many states are counted. A column of more is no state.
const maxStatuses = 256

func (s *Store) readCounts(session *engine.Session, q *query) (reading ports.Reading[domain.StatusCounts], err error) {
	reading.Value = domain.NewStatusCounts()
	fits := true
	rows := reader{session.Query(q.statement(session.Dialect(), maxStatuses+1)), q}
	for n := 0; rows.Next(); n++ {
		if n == maxStatuses {
			reading.Truncated = true
			break
		}
		var status string
		odd := rows.Scan(&status)
		jobs := rows.count()
		if odd > 0 || jobs == nil {
			continue
		}
		if ours, known := s.profile.states[status]; known {
			status = ours
		}
		reading.Value[status] += *jobs
		fits = fits && reading.Value[status] >= *jobs
	}
	reading.Anomalies = rows.Anomalies()
	if err := rows.Close(); err != nil {
		return ports.Reading[domain.StatusCounts]{}, err
	}
	if !fits {
		return ports.Reading[domain.StatusCounts]{}, fmt.Errorf("count jobs: beyond 64 bits: %w", domain.CodeInvalidValue)
	}
	return reading, unreadableCells(reading.Anomalies)
}

// Retries implements ports.QueueSource.
func (s *Store) Retries(ctx context.Context) (ports.Reading[*domain.Retries], error) {
	return history(ctx, s, Retries, s.retries, func(session *engine.Session, q *query) (ports.Reading[*domain.Retries], error) {
		return one(session, q, func(r reader) *domain.Retries {
			retried, total, most := r.count(), r.count(), r.count()
			r.leftOut()
			if retried == nil || total == nil || most == nil {
				return nil
			}
			return &domain.Retries{RetriedJobs: *retried, RetriesTotal: *total, MaxAttemptsSeen: *most}
		})
	})
}

// CostTotals implements ports.CostSource. What the query does not return is nil. The
// models are read with the totals, so that both are of the same rows.
func (s *Store) CostTotals(ctx context.Context) (ports.Reading[*domain.RunCosts], error) {
	return history(ctx, s, Totals, s.totals, func(session *engine.Session, q *query) (reading ports.Reading[*domain.RunCosts], err error) {
		reading, err = one(session, q, func(r reader) *domain.RunCosts {
			if totals := r.costs(); totals != nil {
				return &domain.RunCosts{CostTotals: *totals}
			}
			return nil
		})
		models := s.profile.queries[Models]
		if reading.Value == nil || models == nil {
			return reading, err
		}
		byModel, modelsErr := readModels(session, models)
		reading.Value.ByModel = byModel.Value
		reading.Anomalies += byModel.Anomalies
		reading.Truncated = byModel.Truncated
		return reading, errors.Join(err, modelsErr)
	})
}

// costs reads how many runs there are, and what they have cost; nil without the former.
func (r reader) costs() *domain.CostTotals {
	runs := r.count()
	r.leftOut()
	totals := &domain.CostTotals{}
	r.Scan(&totals.CostUSD, &totals.InputTokens, &totals.OutputTokens, &totals.CacheReadTokens, &totals.CacheCreationTokens)
	if runs == nil {
		return nil
	}
	totals.Runs = *runs
	return totals
}

// maxModels is how many models are read. A column of more is no model.
const maxModels = 10_000

func readModels(session *engine.Session, q *query) (reading ports.Reading[[]domain.ModelCost], err error) {
	r := reader{session.Query(q.statement(session.Dialect(), maxModels+1)), q}
	var models []domain.ModelCost
	for r.Next() {
		var model *string
		r.Scan(&model)
		totals := r.costs()
		switch {
		case len(models) == maxModels:
			reading.Truncated = true
		case totals != nil:
			models = append(models, domain.ModelCost{Model: model, CostTotals: *totals})
		}
	}
	reading.Anomalies = r.Anomalies()
	if err := r.Close(); err != nil {
		return ports.Reading[[]domain.ModelCost]{}, err
	}
	ranked, fits := domain.RankModels(models)
	if !fits {
		return ports.Reading[[]domain.ModelCost]{}, fmt.Errorf("sum models: beyond 64 bits: %w", domain.CodeInvalidValue)
	}
	reading.Value = ranked
	return reading, unreadableCells(reading.Anomalies)
}
