package perf

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rows returns what a query reads, as one text a row.
func rows(t *testing.T, path, query string) []string {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+"?mode=ro")
	require.NoError(t, err)
	defer db.Close()
	found, err := db.Query(query)
	require.NoError(t, err)
	defer found.Close()
	var list []string
	for found.Next() {
		var row string
		require.NoError(t, found.Scan(&row))
		list = append(list, row)
	}
	require.NoError(t, found.Err())
	return list
}

const (
	allJobs   = `SELECT concat_ws(' ', id, task_id, repo, agent, status, attempts, run_id, started_at, finished_at) FROM jobs ORDER BY id`
	sizes     = `SELECT (SELECT count(*) FROM jobs) || ' ' || (SELECT count(*) FROM agent_runs) || ' ' || (SELECT count(*) FROM tasks)`
	whatRuns  = `SELECT concat_ws(' ', status, count(*), count(DISTINCT pid)) FROM jobs WHERE status IN ('queued','running') GROUP BY status`
	whatStays = `SELECT count(*) FROM tasks WHERE stage NOT IN ('done','cancelled')`
	openRuns  = `SELECT count(*) FROM agent_runs WHERE finished_at IS NULL AND id IN (SELECT run_id FROM jobs WHERE status = 'running')`
)

func TestHistory_IsTheSeeds(t *testing.T) {
	t.Parallel()
	generated := func(seed int64) []string {
		histories := small(t)
		path, err := histories.get(Size{Rows: 2000, ActiveTasks: 10, Seed: seed})
		require.NoError(t, err)
		again, err := histories.get(Size{Rows: 2000, ActiveTasks: 10, Seed: seed})
		require.NoError(t, err)
		assert.Equal(t, path, again)
		return rows(t, path, allJobs)
	}
	first := generated(1)
	assert.Len(t, first, 2000-runningJobs-queuedJobs)
	assert.Equal(t, first, generated(1))
	assert.NotEqual(t, first, generated(2))
}

func TestWorld_StaysAsActiveAsItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, small(t), Of(2000), true)
	active := func() {
		assert.Equal(t, []string{"queued 50 0", "running 16 16"}, rows(t, w.DB, whatRuns))
		assert.Equal(t, []string{"200"}, rows(t, w.DB, whatStays))
		assert.Equal(t, []string{"16"}, rows(t, w.DB, openRuns))
	}
	assert.Equal(t, []string{"2000 2000 500"}, rows(t, w.DB, sizes))
	active()
	for range 100 {
		require.NoError(t, w.Step())
	}
	assert.Equal(t, []string{"2100 2100 600"}, rows(t, w.DB, sizes))
	active()
}

func TestWords(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 200: "200", 1000: "1,000", 1_000_000: "1,000,000", 12_345: "12,345"} {
		assert.Equal(t, want, Words(n))
	}
}
