package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

var errNothingQueued = errors.New("nothing is queued")

// ledger is what the orchestrator writes of its jobs. It knows nothing of
// processes but their numbers.
type ledger struct {
	db    *sql.DB
	rng   *rand.Rand
	items workItems
}

// job is one that was claimed.
type job struct {
	id, taskID, runID     int64
	attempts, maxAttempts int64
	role                  string
	with                  assignment
}

// outcome is how a run ended.
type outcome struct {
	succeeded bool
	exitCode  sql.Null[int64]
	used      *usage // nil: no report came
	err       string
}

// claim starts the longest waiting job: it is running from here on, though its
// process is still to come. Without a queued job it returns errNothingQueued.
func (l *ledger) claim(ctx context.Context) (*job, error) {
	var claimed *job
	err := inTx(ctx, l.db, func(tx *sql.Tx) error {
		j, err := nextJob(ctx, tx)
		if err != nil {
			return err
		}
		j.with = assign(l.rng, j.role)
		claimed = j
		return l.startRun(ctx, tx, j)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, errNothingQueued
	case err != nil:
		return nil, fmt.Errorf("claim job: %w", err)
	}
	return claimed, nil
}

func nextJob(ctx context.Context, tx *sql.Tx) (*job, error) {
	var j job
	err := tx.QueryRowContext(ctx,
		`SELECT id, task_id, agent, attempts + 1, max_attempts FROM jobs WHERE status = ? ORDER BY id LIMIT 1`,
		statusQueued).Scan(&j.id, &j.taskID, &j.role, &j.attempts, &j.maxAttempts)
	return &j, err
}

func (l *ledger) startRun(ctx context.Context, tx *sql.Tx, j *job) error {
	now := stamp(time.Now())
	err := tx.QueryRowContext(ctx,
		`INSERT INTO agent_runs (task_id, agent, model, effort, started_at) VALUES (?, ?, ?, ?, ?) RETURNING id`,
		j.taskID, j.role, j.with.model, j.with.effort, now).Scan(&j.runID)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx,
		`UPDATE jobs SET status = ?, attempts = ?, run_id = ?, started_at = ?, finished_at = NULL,
			pid = NULL, error = NULL WHERE id = ?`,
		statusRunning, j.attempts, j.runID, now, j.id)
	return err
}

// spawned notes the process of a running job.
func (l *ledger) spawned(ctx context.Context, j *job, pid int64) error {
	if _, err := l.db.ExecContext(ctx, `UPDATE jobs SET pid = ? WHERE id = ?`, pid, j.id); err != nil {
		return fmt.Errorf("note pid: %w", err)
	}
	return nil
}

// settle closes a run and says what becomes of its job and of its task.
func (l *ledger) settle(ctx context.Context, j *job, o outcome) error {
	err := inTx(ctx, l.db, func(tx *sql.Tx) error {
		if err := closeRun(ctx, tx, j.runID, o); err != nil {
			return err
		}
		switch {
		case o.succeeded:
			return errors.Join(closeJob(ctx, tx, j.id, statusDone, ""), l.advance(ctx, tx, j.taskID))
		case j.attempts < j.maxAttempts:
			return requeue(ctx, tx, j.id, o.err)
		default:
			return errors.Join(closeJob(ctx, tx, j.id, statusFailed, o.err),
				enter(ctx, tx, j.taskID, stageCancelled))
		}
	})
	if err != nil {
		return fmt.Errorf("settle job %d: %w", j.id, err)
	}
	return nil
}

func closeRun(ctx context.Context, tx *sql.Tx, id int64, o outcome) error {
	args := append([]any{stamp(time.Now()), o.exitCode}, o.used.columns()...)
	_, err := tx.ExecContext(ctx,
		`UPDATE agent_runs SET finished_at = ?, exit_code = ?, cost_usd = ?, input_tokens = ?,
			output_tokens = ?, cache_read_tokens = ?, cache_creation_tokens = ? WHERE id = ?`,
		append(args, id)...)
	return err
}

func closeJob(ctx context.Context, tx *sql.Tx, id int64, status, reason string) error {
	_, err := tx.ExecContext(ctx,
		`UPDATE jobs SET status = ?, finished_at = ?, pid = NULL, error = NULLIF(?, '') WHERE id = ?`,
		status, stamp(time.Now()), reason, id)
	return err
}

func requeue(ctx context.Context, tx *sql.Tx, id int64, reason string) error {
	_, err := tx.ExecContext(ctx,
		`UPDATE jobs SET status = ?, pid = NULL, started_at = NULL, error = NULLIF(?, '') WHERE id = ?`,
		statusQueued, reason, id)
	return err
}

// handBack puts the running jobs into the queue again: their processes are gone,
// and a stopped database must not point at numbers that others may get.
func (l *ledger) handBack(ctx context.Context) error {
	err := inTx(ctx, l.db, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE agent_runs SET finished_at = ?
			WHERE id IN (SELECT run_id FROM jobs WHERE status = ?)`, stamp(time.Now()), statusRunning)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE jobs SET status = ?, pid = NULL, started_at = NULL
			WHERE status = ?`, statusQueued, statusRunning)
		return err
	})
	if err != nil {
		return fmt.Errorf("hand back running jobs: %w", err)
	}
	return nil
}
