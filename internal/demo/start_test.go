package demo_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/demo"
)

func TestHistoryIsBelievable(t *testing.T) {
	o := start(t, demo.Options{Seed: 7})
	db := reader(t, o.DB())

	jobs := counts(t, db, `SELECT status, count(*) FROM jobs GROUP BY status`)
	assert.Greater(t, jobs["done"], int64(200))
	assert.Positive(t, jobs["failed"])
	assert.Positive(t, jobs["cancelled"])
	assert.Positive(t, jobs["queued"])
	assert.Positive(t, jobs["running"])

	runs := number(t, db, `SELECT count(*) FROM agent_runs`)
	attempts := number(t, db, `SELECT sum(attempts) FROM jobs`)
	assert.Equal(t, attempts, runs, "each attempt has a run")
	assert.Positive(t, number(t, db, `SELECT count(*) FROM jobs WHERE attempts > 1`))
	assert.Positive(t, number(t, db, `SELECT count(*) FROM agent_runs WHERE finished_at NOT NULL AND cost_usd IS NULL`))

	roles := counts(t, db, `SELECT agent, count(*) FROM jobs GROUP BY agent`)
	assert.Len(t, roles, 5)
	assert.Len(t, counts(t, db, `SELECT model, count(*) FROM agent_runs GROUP BY model`), 3)
	assert.Len(t, counts(t, db, `SELECT coalesce(effort, 'NULL'), count(*) FROM agent_runs GROUP BY effort`), 4)
	assert.Len(t, counts(t, db, `SELECT stage, count(*) FROM tasks GROUP BY stage`), 7)
	assert.Greater(t, number(t, db, `SELECT count(DISTINCT work_item_id) FROM tasks WHERE work_item_id LIKE 'ORCH-0__'`), int64(30))
}

func TestHistoryMakesSense(t *testing.T) {
	o := start(t, demo.Options{Seed: 8})
	db := reader(t, o.DB())
	for what, query := range map[string]string{
		"a timestamp that SQLite cannot read": `SELECT count(*) FROM jobs WHERE created_at IS NULL OR strftime('%s', created_at) IS NULL
			OR (started_at NOT NULL AND strftime('%s', started_at) IS NULL)`,
		"a time in the future":     `SELECT count(*) FROM tasks WHERE updated_at > datetime('now') OR created_at > updated_at`,
		"a job that ended early":   `SELECT count(*) FROM jobs WHERE finished_at < started_at OR started_at < created_at`,
		"a run that ended early":   `SELECT count(*) FROM agent_runs WHERE finished_at < started_at`,
		"too many attempts":        `SELECT count(*) FROM jobs WHERE attempts > max_attempts`,
		"a closed job without end": `SELECT count(*) FROM jobs WHERE status IN ('done', 'failed', 'cancelled') AND finished_at IS NULL`,
		"a closed job with a pid":  `SELECT count(*) FROM jobs WHERE status <> 'running' AND pid NOT NULL`,
		"a cost without tokens":    `SELECT count(*) FROM agent_runs WHERE (cost_usd IS NULL) <> (input_tokens IS NULL)`,
		"a cost before the end":    `SELECT count(*) FROM agent_runs WHERE finished_at IS NULL AND cost_usd NOT NULL`,
		"a job of no task":         `SELECT count(*) FROM jobs WHERE task_id NOT IN (SELECT id FROM tasks)`,
		"a job of no run":          `SELECT count(*) FROM jobs WHERE attempts > 0 AND run_id NOT IN (SELECT id FROM agent_runs)`,
		"an open job of a dead task": `SELECT count(*) FROM jobs j JOIN tasks t ON t.id = j.task_id
			WHERE j.status IN ('queued', 'running') AND t.stage IN ('done', 'cancelled')`,
		"an active task without exactly one open job": `SELECT count(*) FROM tasks t WHERE stage NOT IN ('done', 'cancelled')
			AND 1 <> (SELECT count(*) FROM jobs j WHERE j.task_id = t.id AND j.status IN ('queued', 'running'))`,
	} {
		assert.Zero(t, number(t, db, query), what)
	}
}

func TestStartUndoesItself(t *testing.T) {
	t.Run("temporary directory", func(t *testing.T) {
		tmp := t.TempDir()
		t.Setenv("TMPDIR", tmp)
		_, err := demo.Start(t.Context(), demo.Options{Executable: filepath.Join(tmp, "nothing")})
		require.ErrorIs(t, err, os.ErrNotExist)
		assertEmpty(t, tmp)
	})
	t.Run("given directory", func(t *testing.T) {
		dir := t.TempDir()
		_, err := demo.Start(t.Context(), demo.Options{Dir: dir, Executable: filepath.Join(dir, "nothing")})
		require.ErrorIs(t, err, os.ErrNotExist)
		assertEmpty(t, dir)
	})
	t.Run("made directory", func(t *testing.T) {
		parent := t.TempDir()
		_, err := demo.Start(t.Context(), demo.Options{Dir: filepath.Join(parent, "new"), Executable: filepath.Join(parent, "nothing")})
		require.ErrorIs(t, err, os.ErrNotExist)
		assertEmpty(t, parent)
	})
	t.Run("ended context", func(t *testing.T) {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := demo.Start(ctx, demo.Options{Dir: dir})
		require.ErrorIs(t, err, context.Canceled)
		assertEmpty(t, dir)
	})
}

func TestStartRefuses(t *testing.T) {
	t.Run("a database that is there", func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "orchestrator.db")
		require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600))
		_, err := demo.Start(t.Context(), demo.Options{Dir: dir})
		require.ErrorIs(t, err, os.ErrExist)
		kept, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, "precious", string(kept))
	})
	t.Run("a directory that cannot be made", func(t *testing.T) {
		_, err := demo.Start(t.Context(), demo.Options{Dir: filepath.Join(t.TempDir(), "no", "parent")})
		require.ErrorIs(t, err, os.ErrNotExist)
	})
	t.Run("a negative tick", func(t *testing.T) {
		_, err := demo.Start(t.Context(), demo.Options{Tick: -1})
		require.Error(t, err)
	})
	t.Run("a process that is an agent", func(t *testing.T) {
		t.Setenv("ORCH_DEMO_AGENT", "busy")
		_, err := demo.Start(t.Context(), demo.Options{})
		require.ErrorIs(t, err, demo.ErrStartedAsAgent)
	})
}

func assertEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries)
}
