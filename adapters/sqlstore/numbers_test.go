package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// costTable replaces the runs by a table whose costs have any type.
func costTable(kind string, costs ...string) []string {
	statements := []string{"DROP TABLE agent_runs", "CREATE TABLE agent_runs (id INTEGER PRIMARY KEY, model TEXT, cost_usd " + kind +
		", input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER, cache_creation_tokens INTEGER)"}
	for _, cost := range costs {
		statements = append(statements, "INSERT INTO agent_runs (cost_usd, input_tokens) VALUES ("+cost+", 1)")
	}
	return statements
}

// TestCostsAsText: a text that is a number is that number; one that is none is told,
// and costs the sum only where there is nothing else.
func TestCostsAsText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		costs []string
		want  *float64
		odd   int64
	}{
		"numbers":              {[]string{"'12.50'", "'0.25'", "NULL"}, new(12.75), 0},
		"numbers of all types": {[]string{"'12.50'", "0.25", "1", "'1e1'", "' +2 '"}, new(25.75), 0},
		"and a text":           {[]string{"'12.50'", "'n/a'", "''"}, new(12.5), 2},
		"half a number":        {[]string{"'12.50'", "'12.50 USD'", "'0x10'", "'1_000'", "'Infinity'", "'nan'"}, new(12.5), 5},
		"and infinities":       {[]string{"'12.50'", "9e999", "-9e999"}, new(12.5), 2},
		"and a blob":           {[]string{"1.5", "x'3132'"}, new(1.5), 1},
		"nothing but texts":    {[]string{"'n/a'", "'-'", "NULL"}, nil, 2},
		"nothing but NULL":     {[]string{"NULL", "NULL"}, new(0.0), 0},
		"nothing":              {nil, new(0.0), 0},
	} {
		for _, kind := range []string{"TEXT", "", "REAL", "NUMERIC"} {
			path := newDB(t, walMode, costTable(kind, c.costs...)...)
			got, err := newStore(t, path).CostTotals(t.Context())
			if c.odd == 0 {
				require.NoError(t, err, "%s %s", name, kind)
			} else {
				require.ErrorIs(t, err, domain.CodeUnreadableCells, "%s %s", name, kind)
			}
			assert.Equal(t, c.want, got.Value.CostUSD, "%s %s", name, kind)
			assert.Equal(t, c.odd, got.Anomalies, "%s %s", name, kind)
			assert.EqualValues(t, len(c.costs), got.Value.Runs)
			assert.EqualValues(t, len(c.costs), *got.Value.InputTokens, "one column costs no other")
		}
	}
}

// TestCostsAsText_Many: what is in blocks is no different.
func TestCostsAsText_Many(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, append(costTable("TEXT"), `INSERT INTO agent_runs (cost_usd)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT CASE WHEN i % 1000 THEN '12.50' ELSE 'n/a' END FROM n`)...)
	store := newStore(t, path)
	for range 2 {
		got, err := store.CostTotals(t.Context())
		require.ErrorIs(t, err, domain.CodeUnreadableCells)
		assert.InDelta(t, 12.5*(20_000-20), *got.Value.CostUSD, 0)
		assert.EqualValues(t, 20, got.Anomalies)
	}
}

// TestAttemptsAsText: the same for what is counted of jobs.
func TestAttemptsAsText(t *testing.T) {
	t.Parallel()
	remade := []string{"DROP TABLE jobs", "CREATE TABLE jobs (id INTEGER PRIMARY KEY, status TEXT, attempts)"}
	store := newStore(t, newDB(t, walMode, append(remade, "INSERT INTO jobs (status, attempts) VALUES ('done', '3'), ('done', 2.0), ('done', 'x'), ('done', NULL)")...))
	got, err := store.Retries(t.Context())
	require.ErrorIs(t, err, domain.CodeUnreadableCells)
	assert.Equal(t, &domain.Retries{RetriedJobs: 2, RetriesTotal: 3, MaxAttemptsSeen: 3}, got.Value)
	assert.EqualValues(t, 1, got.Anomalies)
	counts, err := store.StatusCounts(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 4, counts.Value["done"])

	got, err = newStore(t, newDB(t, walMode, append(remade, "INSERT INTO jobs (status, attempts) VALUES ('done', 'x')")...)).Retries(t.Context())
	require.ErrorIs(t, err, domain.CodeUnreadableCells)
	assert.Nil(t, got.Value, "nothing could be read")
}

// TestGarbageLog: a log of which nothing counts is nothing to wait for, and the data
// beside it is shown, as other readers show it.
func TestGarbageLog(t *testing.T) {
	t.Parallel()
	for name, garbage := range map[string]string{
		"text":                          strings.Repeat("this was never a log\n", 1000),
		"zeros":                         strings.Repeat("\x00", 8192),
		"a byte":                        "x",
		"a header that does not add up": "\x37\x7f\x06\x82\x00\x2d\xe2\x18\x00\x00\x10\x00" + strings.Repeat("\x01", 8000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newDB(t, walMode, script(t, "busy.sql"))
			writer := startWriter(t, path)
			writer.run("SELECT count(*) FROM tasks")
			writer.kill()
			require.NoError(t, os.WriteFile(path+"-wal", []byte(garbage), 0o600))
			store := openStore(t, path, time.Minute, Options{MaxRows: 100}) // a lock is waited for a quarter of that
			requireUntouched(t, path, func() {
				ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
				defer cancel()
				for source, got := range resultsIn(ctx, store) {
					require.NoError(t, got.err, source)
				}
				requireTasks(t, 4, store)
			})
			startWriter(t, path).run("INSERT INTO tasks (stage) VALUES ('s')")
			requireTasks(t, 5, store)
		})
	}
}

// TestPipesBeside: what is no file in the place of one is refused before it is opened,
// and the database can be read as soon as it is gone.
func TestPipesBeside(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{walMode, deleteMode} {
		for _, suffix := range []string{"-journal", "-wal", "-shm"} {
			t.Run(mode+suffix, func(t *testing.T) {
				t.Parallel()
				path := newDB(t, mode, script(t, "busy.sql"))
				store := newStore(t, path)
				requireTasks(t, 4, store)
				require.NoError(t, syscall.Mkfifo(path+suffix, 0o600))
				requireCode(t, domain.CodeDBUnreadable, store)
				require.NoError(t, os.Remove(path+suffix))
				requireTasks(t, 4, store)
			})
		}
	}
}

// TestCustomCollation: a collation that only the orchestrator knows costs nothing,
// also where a status is not one of the usual.
func TestCustomCollation(t *testing.T) {
	t.Parallel()
	sql.Register("sqlite3_with_collation", &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		return c.RegisterCollation("ours", strings.Compare)
	}})
	path := newDB(t, walMode)
	db, err := sql.Open("sqlite3_with_collation", uriOf(path, "mode=rwc"))
	require.NoError(t, err)
	execute(t, db, "DROP TABLE jobs", "DROP TABLE tasks",
		"CREATE TABLE jobs (id INTEGER PRIMARY KEY, status TEXT COLLATE ours, attempts INTEGER, run_id INTEGER, agent TEXT COLLATE ours, repo TEXT, pid INTEGER, started_at TEXT)",
		"CREATE INDEX by_status ON jobs(status)",
		"CREATE TABLE tasks (id INTEGER PRIMARY KEY, work_item_id TEXT, repo TEXT COLLATE ours, stage TEXT COLLATE ours, updated_at TEXT)",
		"CREATE INDEX by_stage ON tasks(stage)",
		"INSERT INTO tasks (stage) VALUES ('review'), ('done')",
		"INSERT INTO jobs (status, attempts) VALUES ('queued', 1), ('running', 2), ('on hold', 3), ('done', 1)")
	require.NoError(t, db.Close())
	store := newStore(t, path)
	requireTasks(t, 1, store)
	for range 2 {
		counts, err := store.StatusCounts(t.Context())
		require.NoError(t, err)
		assert.Equal(t, domain.StatusCounts{"queued": 1, "running": 1, "done": 1, "failed": 0, "cancelled": 0, "on hold": 1}, counts.Value)
		retries, err := store.Retries(t.Context())
		require.NoError(t, err)
		assert.Equal(t, &domain.Retries{RetriedJobs: 2, RetriesTotal: 3, MaxAttemptsSeen: 3}, retries.Value)
		jobs, err := store.RunningJobs(t.Context())
		require.NoError(t, err)
		assert.Len(t, jobs.Value, 1, fmt.Sprint(jobs.Value))
	}
}
