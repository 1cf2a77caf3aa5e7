package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// The bounds of the active tasks, and so of the queue.
const (
	fewestActive = 8
	mostActive   = 12
)

// plan lets new tasks arrive, so that the demo never runs dry, and now and then
// takes one back.
func (l *ledger) plan(ctx context.Context) error {
	active, err := l.activeTasks(ctx)
	if err != nil {
		return err
	}
	switch {
	case active < fewestActive, active < mostActive && chance(l.rng, 3):
		return l.addTask(ctx)
	case active > fewestActive && l.rng.IntN(300) == 0:
		return l.cancelTask(ctx)
	}
	return nil
}

func (l *ledger) activeTasks(ctx context.Context) (int, error) {
	var active int
	err := l.db.QueryRowContext(ctx, `SELECT count(*) FROM tasks WHERE stage NOT IN (?, ?)`,
		stageDone, stageCancelled).Scan(&active)
	if err != nil {
		return 0, fmt.Errorf("count active tasks: %w", err)
	}
	return active, nil
}

func (l *ledger) addTask(ctx context.Context) error {
	now, repo := stamp(time.Now()), pickRepo(l.rng)
	err := inTx(ctx, l.db, func(tx *sql.Tx) error {
		var id int64
		err := tx.QueryRowContext(ctx,
			`INSERT INTO tasks (work_item_id, repo, stage, created_at, updated_at) VALUES (?, ?, ?, ?, ?) RETURNING id`,
			l.items.next(l.rng), repo, stageAnalysis, now, now).Scan(&id)
		if err != nil {
			return err
		}
		return l.enqueue(ctx, tx, id, stageAnalysis)
	})
	if err != nil {
		return fmt.Errorf("add task: %w", err)
	}
	return nil
}

// cancelTask takes back the task of the job that came last and still waits.
func (l *ledger) cancelTask(ctx context.Context) error {
	err := inTx(ctx, l.db, func(tx *sql.Tx) error {
		var id, taskID int64
		err := tx.QueryRowContext(ctx, `SELECT id, task_id FROM jobs WHERE status = ? ORDER BY id DESC LIMIT 1`,
			statusQueued).Scan(&id, &taskID)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return errors.Join(closeJob(ctx, tx, id, statusCancelled, ""), enter(ctx, tx, taskID, stageCancelled))
	})
	if err != nil {
		return fmt.Errorf("cancel task: %w", err)
	}
	return nil
}

// advance moves a task to where it goes after good work.
func (l *ledger) advance(ctx context.Context, tx *sql.Tx, taskID int64) error {
	var stage string
	err := tx.QueryRowContext(ctx, `SELECT stage FROM tasks WHERE id = ?`, taskID).Scan(&stage)
	if err != nil {
		return err
	}
	next := nextStage(l.rng, stage)
	if err := enter(ctx, tx, taskID, next); err != nil || terminal(next) {
		return err
	}
	return l.enqueue(ctx, tx, taskID, next)
}

func enter(ctx context.Context, tx *sql.Tx, taskID int64, stage string) error {
	_, err := tx.ExecContext(ctx, `UPDATE tasks SET stage = ?, updated_at = ? WHERE id = ?`,
		stage, stamp(time.Now()), taskID)
	return err
}

// enqueue adds the job of a task's stage.
func (l *ledger) enqueue(ctx context.Context, tx *sql.Tx, taskID int64, stage string) error {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO jobs (task_id, repo, agent, status, max_attempts, created_at)
		SELECT id, repo, ?, ?, ?, ? FROM tasks WHERE id = ?`,
		roleFor(stage), statusQueued, pickMaxAttempts(l.rng), stamp(time.Now()), taskID)
	return err
}
