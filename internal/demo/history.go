package demo

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	closedTasks = 60               // about three hundred jobs
	closedEvery = 2 * time.Hour    // … over five days
	activeTasks = 10               // in the middle of what the writer keeps up
	oldestStage = 3 * 60           // minutes that an active task has been in its stage, at most
	firstItem   = 11               // the work items go on from here, as if the file were older than its rows
	jitter      = 60 * time.Minute // so that the past does not tick like a clock
)

// history is what the database holds when the demo begins: equal for equal
// seeds and instants.
type history struct {
	tasks []*taskRow
	jobs  []*jobRow
	runs  []*runRow
	items workItems
}

func makeHistory(rng *rand.Rand, now time.Time) *history {
	h := &history{items: workItems{last: firstItem}}
	for i := range closedTasks {
		end := now.Add(-time.Duration(closedTasks-i) * closedEvery).Add(time.Duration(rng.Int64N(int64(jitter))))
		h.add(newWalk(rng).toTheEnd().endAt(end))
	}
	stages := pipeline()
	for i := range activeTasks {
		age := time.Duration(between(rng, 1, oldestStage)) * time.Minute
		h.add(newWalk(rng).into(stages[i%len(stages)]).endAt(now.Add(-age)))
	}
	h.number(rng)
	return h
}

func (h *history) add(w *walk) {
	h.tasks = append(h.tasks, w.task)
	h.jobs = append(h.jobs, w.jobs...)
	h.runs = append(h.runs, w.runs...)
}

// number gives the rows the ids that they would have got: in the order of time.
func (h *history) number(rng *rand.Rand) {
	slices.SortStableFunc(h.tasks, func(a, b *taskRow) int { return a.created.Compare(b.created) })
	slices.SortStableFunc(h.jobs, func(a, b *jobRow) int { return a.created.Compare(b.created) })
	slices.SortStableFunc(h.runs, func(a, b *runRow) int { return a.started.Compare(b.started) })
	for i, task := range h.tasks {
		task.id, task.workItem = int64(i+1), h.items.next(rng)
	}
	for i, job := range h.jobs {
		job.id = int64(i + 1)
	}
	for i, run := range h.runs {
		run.id = int64(i + 1)
	}
}

// write stores the history in one transaction.
func (h *history) write(ctx context.Context, db *sql.DB) error {
	err := inTx(ctx, db, func(tx *sql.Tx) error {
		for _, insert := range []func(context.Context, *sql.Tx) error{h.writeTasks, h.writeJobs, h.writeRuns} {
			if err := insert(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	return nil
}

func (h *history) writeTasks(ctx context.Context, tx *sql.Tx) error {
	return insertAll(ctx, tx,
		`INSERT INTO tasks (id, work_item_id, repo, stage, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)`,
		h.tasks, func(t *taskRow) []any {
			return []any{t.id, t.workItem, t.repo, t.stage, stamp(t.created), stamp(t.updated)}
		})
}

func (h *history) writeJobs(ctx context.Context, tx *sql.Tx) error {
	return insertAll(ctx, tx,
		`INSERT INTO jobs (id, task_id, repo, agent, status, attempts, max_attempts, run_id,
			created_at, started_at, finished_at, error)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULLIF(?, ''))`,
		h.jobs, func(j *jobRow) []any {
			var run any
			if j.run != nil {
				run = j.run.id
			}
			return []any{
				j.id, j.task.id, j.task.repo, j.role, j.status, j.attempts, j.maxAttempts, run,
				stamp(j.created), stamp(j.started), stamp(j.finished), j.err,
			}
		})
}

func (h *history) writeRuns(ctx context.Context, tx *sql.Tx) error {
	return insertAll(ctx, tx,
		`INSERT INTO agent_runs (id, task_id, agent, model, effort, started_at, finished_at, exit_code,
			cost_usd, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		h.runs, func(r *runRow) []any {
			row := []any{
				r.id, r.task.id, r.role, r.with.model, r.with.effort,
				stamp(r.started), stamp(r.finished), r.exitCode,
			}
			return append(row, r.used.columns()...)
		})
}
