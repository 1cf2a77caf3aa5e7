package sqlstore

import (
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// The reference queries say what the sources mean. They run on a connection that
// has nothing to do with the store.

func at(t testing.TB, text string) *time.Time {
	t.Helper()
	instant, err := time.Parse(time.DateTime, text)
	require.NoError(t, err)
	return &instant
}

func TestActiveTasks(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	got, err := newStore(t, path).ActiveTasks(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []domain.Task{
		{ID: 3, WorkItem: new("ORCH-003"), Stage: "development", Repo: new("core"), StageSince: at(t, "2026-06-01 12:00:00")},
		{ID: 4, Stage: "analysis"},
		{ID: 7, WorkItem: new("ORCH-007"), Stage: "review", Repo: new("web"), StageSince: at(t, "2026-06-01 11:00:00")},
		{ID: 12, WorkItem: new("ORCH-012"), Stage: "Done", Repo: new("docs"), StageSince: at(t, "2026-06-01 12:30:00")},
	}, got.Value)
	assert.False(t, got.Truncated)
	assert.Zero(t, got.Anomalies)
	assert.Equal(t, ids(t, path, "SELECT id FROM tasks WHERE stage NOT IN ('done','cancelled') ORDER BY id"),
		idsOf(got.Value, func(task domain.Task) int64 { return task.ID }))
}

func TestRunningJobs(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	got, err := newStore(t, path).RunningJobs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []domain.RunningJob{
		{
			ID: 11, RunID: new(int64(32)), Agent: new("reviewer"), Repo: new("web"), StartedAt: at(t, "2026-06-01 11:59:00"),
			Model: new("claude-sonnet-4-5"), CostUSD: new(0.5), InputTokens: new(int64(10)), OutputTokens: new(int64(20)),
			CacheCreationTokens: new(int64(0)), TaskID: new(int64(7)), WorkItem: new("ORCH-007"),
		},
		{ID: 15, TaskID: new(int64(4))},
		{
			ID: 16, RunID: new(int64(99)), Agent: new("analyst"), PID: new(int64(12)), StartedAt: at(t, "2026-06-01 12:00:00"),
			TaskID: new(int64(4)),
		},
		{
			ID: 21, RunID: new(int64(31)), Agent: new("developer"), Repo: new("core"), PID: new(int64(4711)),
			StartedAt: at(t, "2026-06-01 12:00:05"), Model: new("claude-opus-4-8"), Effort: new("low"),
			TaskID: new(int64(3)), WorkItem: new("ORCH-003"),
		},
	}, got.Value)
	assert.Zero(t, got.Anomalies)
	assert.Equal(t, ids(t, path, "SELECT j.id FROM jobs j LEFT JOIN agent_runs r ON r.id = j.run_id WHERE j.status = 'running' ORDER BY j.id"),
		idsOf(got.Value, func(job domain.RunningJob) int64 { return job.ID }))
}

func TestQueue(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	store := newStore(t, path)
	counts, err := store.StatusCounts(t.Context())
	require.NoError(t, err)
	assert.Equal(t, domain.StatusCounts{"queued": 2, "running": 4, "done": 2, "failed": 0, "cancelled": 1, "on hold": 1}, counts.Value)
	assert.Zero(t, counts.Anomalies)

	retries, err := store.Retries(t.Context())
	require.NoError(t, err)
	var want domain.Retries
	db := rawDB(t, path, "mode=ro")
	require.NoError(t, db.QueryRow(`SELECT count(*) FILTER (WHERE coalesce(attempts, 0) > 1),
		sum(max(coalesce(attempts, 0) - 1, 0)), max(coalesce(attempts, 0)) FROM jobs`).
		Scan(&want.RetriedJobs, &want.RetriesTotal, &want.MaxAttemptsSeen))
	assert.Equal(t, domain.Retries{RetriedJobs: 3, RetriesTotal: 7, MaxAttemptsSeen: 5}, want, "the reference itself")
	assert.Equal(t, &want, retries.Value)
	assert.Zero(t, retries.Anomalies)
}

func TestCostTotals(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	got, err := newStore(t, path).CostTotals(t.Context())
	require.NoError(t, err)
	assert.Equal(t, domain.CostTotals{
		Runs: 3, CostUSD: new(1.75), InputTokens: new(int64(1010)), OutputTokens: new(int64(220)),
		CacheReadTokens: new(int64(50)), CacheCreationTokens: new(int64(7)),
	}, got.Value.CostTotals)
	assert.Zero(t, got.Anomalies)
	var runs, input int64
	var cost float64
	require.NoError(t, rawDB(t, path, "mode=ro").QueryRow("SELECT count(*), total(cost_usd), sum(input_tokens) FROM agent_runs").
		Scan(&runs, &cost, &input))
	assert.Equal(t, []any{runs, cost, input}, []any{got.Value.Runs, *got.Value.CostUSD, *got.Value.InputTokens})
}

func TestEmptyTables(t *testing.T) {
	t.Parallel()
	store := newStore(t, newDB(t, walMode))
	tasks, err := store.ActiveTasks(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []domain.Task{}, tasks.Value)
	jobs, err := store.RunningJobs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []domain.RunningJob{}, jobs.Value)
	counts, err := store.StatusCounts(t.Context())
	require.NoError(t, err)
	assert.Equal(t, domain.NewStatusCounts(), counts.Value)
	retries, err := store.Retries(t.Context())
	require.NoError(t, err)
	assert.Equal(t, &domain.Retries{}, retries.Value)
	costs, err := store.CostTotals(t.Context())
	require.NoError(t, err)
	zero := new(int64(0))
	assert.Equal(t, &domain.RunCosts{CostTotals: domain.CostTotals{
		CostUSD: new(0.0), InputTokens: zero, OutputTokens: zero, CacheReadTokens: zero, CacheCreationTokens: zero,
	}, ByModel: []domain.ModelCost{}}, costs.Value)
}

func TestRowCap(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, `WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20)
		INSERT INTO tasks (id, stage) SELECT 100 - x, 's' FROM n;
		INSERT INTO jobs (id, status) SELECT id, 'running' FROM tasks;`)
	for _, c := range []struct {
		maxRows int
		cut     bool
	}{{1, true}, {19, true}, {20, false}, {21, false}} {
		store := openStore(t, path, time.Second, Options{MaxRows: c.maxRows})
		tasks, err := store.ActiveTasks(t.Context())
		require.NoError(t, err)
		jobs, err := store.RunningJobs(t.Context())
		require.NoError(t, err)
		want := min(c.maxRows, 20)
		assert.Len(t, tasks.Value, want)
		assert.Len(t, jobs.Value, want)
		assert.Equal(t, []int64{80, 80}, []int64{tasks.Value[0].ID, jobs.Value[0].ID}, "the lowest ids stay")
		assert.Equal(t, []bool{c.cut, c.cut}, []bool{tasks.Truncated, jobs.Truncated})
	}
}

// TestRowCapSparesKnownStatuses: a table whose jobs each have a status of their
// own must not hide how many are queued.
func TestRowCapSparesKnownStatuses(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, `WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 50)
		INSERT INTO jobs (status) SELECT 'a' || x FROM n;
		INSERT INTO jobs (status) VALUES ('running'), ('queued'), ('queued'), ('done'), ('failed'), ('cancelled');`)
	store := openStore(t, path, time.Second, Options{MaxRows: 7})
	counts, err := store.StatusCounts(t.Context())
	require.NoError(t, err)
	assert.True(t, counts.Truncated)
	for status, jobs := range map[string]int64{"queued": 2, "running": 1, "done": 1, "failed": 1, "cancelled": 1} {
		assert.Equal(t, jobs, counts.Value[status], status)
	}
	assert.Len(t, counts.Value, 7)
}

func ids(t *testing.T, path, query string) []int64 {
	t.Helper()
	found := []int64{}
	each(t, rawDB(t, path, "mode=ro"), query, func(rows *sql.Rows) {
		var id int64
		require.NoError(t, rows.Scan(&id))
		found = append(found, id)
	})
	return found
}

func idsOf[T any](rows []T, id func(T) int64) []int64 {
	found := []int64{}
	for _, row := range rows {
		found = append(found, id(row))
	}
	return found
}
