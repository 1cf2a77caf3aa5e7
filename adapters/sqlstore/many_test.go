package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/rollup"
	"github.com/orchmetrics/orchmetrics/internal/sqlite"
)

// crowd is what a process tells that has scraped a database three times.
type crowd struct {
	Counts  []domain.StatusCounts
	Running int // listed by the first scrape
	Failure string
	Took    []time.Duration
	PeakKB  int64 // of its memory, the program itself included
}

func readCrowd(path string) (told crowd) {
	e, err := sqlite.New(path, 4*time.Minute)
	if err != nil {
		return crowd{Failure: err.Error()}
	}
	store, err := New(e, Options{MaxRows: 10_000, Recount: 0.01})
	for range 3 {
		began := time.Now()
		ctx, end := store.View(context.Background())
		ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
		jobs, err1 := store.RunningJobs(ctx)
		counts, err2 := store.StatusCounts(ctx)
		_, err3 := store.Retries(ctx)
		_, err4 := store.CostTotals(ctx)
		cancel()
		end()
		told.Took = append(told.Took, time.Since(began))
		told.Counts, told.Running = append(told.Counts, counts.Value), len(jobs.Value)
		err = errors.Join(err, err1, err2, err3, err4)
	}
	if err != nil {
		told.Failure = err.Error()
	}
	status, _ := os.ReadFile("/proc/self/status")
	if _, after, found := strings.Cut(string(status), "VmHWM:"); found {
		_, _ = fmt.Sscan(after, &told.PeakKB)
	}
	return told
}

// TestManyActiveRows: a queue of any length is counted at the first answer, in bounded
// memory.
func TestManyActiveRows(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000)
		INSERT INTO jobs (id, status, attempts, run_id) SELECT i, CASE WHEN i % 5 < 3 THEN 'queued' ELSE 'running' END, i % 4,
			CASE WHEN i % 5 >= 3 THEN i END FROM n;
		INSERT INTO agent_runs (id) SELECT run_id FROM jobs WHERE run_id IS NOT NULL`)
	output, err := self(t, roleCrowd, path).Output()
	require.NoError(t, err)
	var told crowd
	require.NoError(t, json.Unmarshal(output, &told))
	t.Log("three scrapes took", told.Took, "at a peak of", told.PeakKB/1024, "MB")
	require.Empty(t, told.Failure)
	assert.Equal(t, 10_000, told.Running)
	for _, counts := range told.Counts {
		assert.Equal(t, domain.StatusCounts{"queued": 300_000, "running": 200_000, "done": 0, "failed": 0, "cancelled": 0}, counts)
	}
	if !raceDetector { // which needs several bytes for each
		assert.Less(t, told.PeakKB, int64(150*1024))
	}
}

// backlog is a database of so many jobs, of which the first have ended, and of a run for
// each of every second one.
func backlog(t *testing.T, ended, active int) string {
	t.Helper()
	return newDB(t, walMode, fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO jobs (id, status, attempts, run_id) SELECT i, CASE WHEN i <= %d THEN 'done' WHEN i %% 5 < 3 THEN 'queued' ELSE 'running' END,
			i %% 4, CASE WHEN i %% 2 THEN i END FROM n;
		INSERT INTO agent_runs (id, model, cost_usd) SELECT run_id, 'm' || run_id %% 2, 1 FROM jobs WHERE run_id IS NOT NULL`, ended+active, ended))
}

// TestBacklog_Work: a first count reads each row for its block, and looks at no more of
// the active ones than are shown or would be told apart.
func TestBacklog_Work(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("needs the sqlite3 program, which counts the rows of a statement (Debian: apt-get install sqlite3)")
	}
	const jobs = 40_000
	path := backlog(t, 0, jobs)
	store := openStore(t, path, 4*time.Minute, Options{MaxRows: 1000})
	statements := capture(t, store)
	require.NoError(t, scrapeAll(t, store).err)
	done := run(t, program, path, statements())
	const blocks = 2 * jobs / rollup.BlockRows // by their ids
	assert.Less(t, done.rows, int64(maxVersions+3*blocks+1100), "rows of a backlog are looked at one by one")
	assert.Less(t, len(done.statements), blocks+30, "more than a statement for each block")
	counts := 0
	for _, statement := range done.statements {
		if strings.Contains(statement, "SELECT count(*) FROM jobs") {
			counts++
		}
	}
	assert.Equal(t, 1, counts, "the active ones are counted for each table")
}

// TestBacklog_Changes: however many rows are active, and as they become few, what they
// turn into is counted.
func TestBacklog_Changes(t *testing.T) {
	t.Parallel()
	for name, ended := range map[string]int{"all": 0, "most": 3000, "some": 30_000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const active = 14_000
			path := backlog(t, ended, active)
			db := writable(t, path)
			store := openStore(t, path, 4*time.Minute, Options{MaxRows: 100})
			for range 7 {
				requireSums(t, store, db)
				execute(t, db, `UPDATE agent_runs SET cost_usd = cost_usd + 0.5 WHERE id IN (SELECT run_id FROM jobs WHERE status = 'running')`,
					`UPDATE jobs SET status = 'done' WHERE id IN (SELECT id FROM jobs WHERE status = 'running' ORDER BY id LIMIT 1500)`,
					`UPDATE jobs SET status = 'running', attempts = attempts + 1 WHERE id IN (SELECT id FROM jobs WHERE status = 'queued' ORDER BY id LIMIT 500)`)
			}
		})
	}
}

// requireSums compares the counts and the costs with those that the writer sees.
func requireSums(t *testing.T, store *Store, db *sql.DB) {
	t.Helper()
	ctx, end := store.View(t.Context())
	defer end()
	counts, err := store.StatusCounts(ctx)
	require.NoError(t, err)
	retries, err := store.Retries(ctx)
	require.NoError(t, err)
	costs, err := store.CostTotals(ctx)
	require.NoError(t, err)
	each(t, db, "SELECT status, count(*) FROM jobs GROUP BY status", func(rows *sql.Rows) {
		var status string
		var n int64
		require.NoError(t, rows.Scan(&status, &n))
		assert.Equal(t, n, counts.Value[status], status)
	})
	each(t, db, "SELECT (SELECT sum(attempts - 1) FROM jobs WHERE attempts > 1), (SELECT sum(cost_usd) FROM agent_runs)", func(rows *sql.Rows) {
		var total int64
		var cost float64
		require.NoError(t, rows.Scan(&total, &cost))
		assert.Equal(t, total, retries.Value.RetriesTotal)
		assert.InDelta(t, cost, *costs.Value.CostUSD, 1e-6)
	})
}
