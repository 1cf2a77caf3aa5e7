package demo_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/demo"
)

// seen is what a watcher has noticed over time.
type seen struct {
	moves, finished, newRuns, requeued, arrived, unspawned bool
}

func (s seen) everything() bool {
	return s.moves && s.finished && s.newRuns && s.requeued && s.arrived && s.unspawned
}

// TestLife watches a demo until everything that happens in one has happened, and
// holds it to its rules all the while.
func TestLife(t *testing.T) {
	o := start(t, demo.Options{Seed: 3, Tick: 20 * time.Millisecond})
	db := reader(t, o.DB())
	before, stages := watch(t, db), stagesByTask(t, db)
	var s seen
	for deadline := time.Now().Add(patient); !s.everything(); time.Sleep(often) {
		require.True(t, time.Now().Before(deadline), "it did not all happen: %+v", s)
		now := watch(t, db)
		s.moves = s.moves || moved(stages, stagesByTask(t, db))
		s.finished = s.finished || now.done > before.done
		s.newRuns = s.newRuns || now.runs > before.runs
		s.requeued = s.requeued || now.requeued > 0
		s.arrived = s.arrived || now.tasks > before.tasks
		s.unspawned = s.unspawned || now.unspawned > 0
		holdToRules(t, now)
	}
}

// state is what one look finds, all of it in one statement and so at one moment.
type state struct {
	running, unspawned, queued, active, tasks, done, runs, requeued, broken int64
}

func watch(t *testing.T, db *sql.DB) state {
	t.Helper()
	var s state
	require.NoError(t, db.QueryRow(`SELECT
		(SELECT count(*) FROM jobs WHERE status = 'running'),
		(SELECT count(*) FROM jobs WHERE status = 'running' AND pid IS NULL),
		(SELECT count(*) FROM jobs WHERE status = 'queued'),
		(SELECT count(*) FROM tasks WHERE stage NOT IN ('done', 'cancelled')),
		(SELECT count(*) FROM tasks),
		(SELECT count(*) FROM jobs WHERE status = 'done'),
		(SELECT count(*) FROM agent_runs),
		(SELECT count(*) FROM jobs WHERE status = 'queued' AND attempts > 0),
		(SELECT count(*) FROM jobs WHERE status = 'running'
			AND (started_at IS NULL OR attempts < 1 OR attempts > max_attempts OR run_id IS NULL
				OR run_id NOT IN (SELECT id FROM agent_runs WHERE finished_at IS NULL AND cost_usd IS NULL)))
	`).Scan(&s.running, &s.unspawned, &s.queued, &s.active, &s.tasks, &s.done, &s.runs, &s.requeued, &s.broken))
	return s
}

// moved tells whether a task is in another working stage than it was.
func moved(before, now map[int64]string) bool {
	for id, stage := range now {
		if was, known := before[id]; known && was != stage {
			return true
		}
	}
	return false
}

func holdToRules(t *testing.T, s state) {
	t.Helper()
	require.GreaterOrEqual(t, s.running, int64(3))
	require.LessOrEqual(t, s.running, int64(4))
	require.LessOrEqual(t, s.unspawned, int64(1), "only the slot that changes waits for a process")
	require.GreaterOrEqual(t, s.active, int64(7), "a new task comes in the round in which one is missing")
	require.LessOrEqual(t, s.active, int64(12))
	require.Equal(t, s.active, s.queued+s.running, "each active task has one open job")
	require.Zero(t, s.broken, "a running job is started, attempted and has an open run without a cost")
}
