package sqlstore

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOddSchemas: whatever a table is like and whatever was put into it, what is read
// with the help of what is remembered is what is read anew.
func TestOddSchemas(t *testing.T) {
	t.Parallel()
	add := func(ids ...int64) (statements []string) {
		for _, id := range ids {
			statements = append(statements,
				fmt.Sprintf("INSERT INTO jobs (id, status, attempts, run_id) VALUES (%d, 'running', 2, %[1]d)", id),
				fmt.Sprintf("INSERT INTO agent_runs (id, cost_usd, input_tokens) VALUES (%d, 0.5, 3)", id))
		}
		return statements
	}
	end := "UPDATE jobs SET status = 'done' WHERE id = (SELECT max(id) FROM jobs)"
	for name, steps := range map[string][][]string{
		"the lowest id":           {add(math.MinInt64), add(5), {end}},
		"the lowest id, later":    {add(5), add(math.MinInt64), {end}},
		"above the lowest id":     {add(math.MinInt64 + 1), add(5), {end}},
		"the highest id":          {add(math.MaxInt64 - 1), add(math.MaxInt64), {end}},
		"ids below zero":          {add(-5), many(100, "jobs (id, status) SELECT i * 1000, 'done'"), {end}},
		"a column top":            {{"ALTER TABLE jobs ADD COLUMN top", "ALTER TABLE agent_runs ADD COLUMN top"}, add(1, 2), {end}},
		"a column highest":        {{"ALTER TABLE jobs ADD COLUMN highest", "ALTER TABLE agent_runs ADD COLUMN wanted"}, add(1, 2), {end}},
		"a table wanted":          {{"CREATE TABLE wanted (id)", "CREATE TABLE highest (id)"}, add(1, 2), {end}},
		"index of strange bytes":  {{"CREATE INDEX \"bad\xff\" ON tasks(stage)"}, add(1)},
		"index with a parameter":  {{`DROP INDEX idx_jobs_status`, `CREATE INDEX "@?x" ON jobs(status)`, `CREATE INDEX "?" ON tasks(stage)`}, add(1), {end}},
		"index of a long name":    {{fmt.Sprintf(`CREATE INDEX "%05000d" ON tasks(stage)`, 1)}, add(1)},
		"the key is no rowid":     {jobsKeyedBy("id INTEGER PRIMARY KEY", "WITHOUT ROWID"), add(1), {"INSERT INTO jobs (id, status) VALUES ('x', 'queued')"}},
		"the key is in disorder":  {jobsKeyedBy("id INTEGER PRIMARY KEY DESC", ""), add(1), {"INSERT INTO jobs (id, status) VALUES ('x', 'queued')"}},
		"a run of a text":         {add(1, 2), {"UPDATE jobs SET run_id = '2' WHERE id = 1", "UPDATE jobs SET run_id = 'x' WHERE id = 2"}, {end}},
		"more new rows at once":   {add(1), many(100, "jobs (status, attempts) SELECT iif(i % 7, 'done', 'queued'), i"), {end}, add(1000)},
		"a long status with NULs": {{"INSERT INTO jobs (status) SELECT 'abc' || char(0) || printf('%.*c', 5000, 'q') FROM tasks"}, add(1000), {end}},
		"a cell that is too big":  {{"UPDATE tasks SET work_item_id = 'a' || char(0) || printf('%.*c', 5000, 'b'), repo = printf('%.*c', 20000, 'c')"}, add(1000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newDB(t, walMode, script(t, "busy.sql"))
			db := writable(t, path)
			execute(t, db, "DELETE FROM jobs", "DELETE FROM agent_runs")
			store, exact := newStore(t, path), newStore(t, path)
			exact.opts.Exact = true
			for i, step := range steps {
				execute(t, db, step...)
				want := results(t, exact)
				for range 2 {
					got := results(t, store)
					for key := range want {
						require.NoError(t, want[key].err, "%d: %s", i, key)
						assert.Equal(t, want[key], got[key], "%d: %s", i, key)
					}
				}
			}
		})
	}
}

// many inserts so many rows, numbered by i.
func many(n int, into string) []string {
	return []string{fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO %s FROM n", n, into)}
}

// jobsKeyedBy makes the jobs anew, with another key.
func jobsKeyedBy(key, tail string) []string {
	return []string{
		"DROP TABLE jobs",
		"CREATE TABLE jobs (" + key + ", status TEXT, attempts INTEGER, run_id INTEGER, pid INTEGER, agent TEXT, repo TEXT, started_at TEXT) " + tail,
		"CREATE INDEX idx_jobs_status ON jobs(status)",
	}
}

// TestManyStatuses: of a table that uses the status for something else not all is
// kept, and the answer says that it is cut.
func TestManyStatuses(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	execute(t, writable(t, path), many(5000, "jobs (status) SELECT 'status ' || i")...)
	counts, err := newStore(t, path).StatusCounts(t.Context())
	require.NoError(t, err)
	assert.True(t, counts.Truncated)
	assert.Len(t, counts.Value, 5+maxOthers)
}

// TestCase_NoIndexDecides: stages and statuses compare byte by byte, whatever the
// column's collation is and whether it has an index.
func TestCase_NoIndexDecides(t *testing.T) {
	t.Parallel()
	for _, index := range []string{"SELECT 1", "CREATE INDEX i ON jobs(status)", "CREATE INDEX i ON jobs(status COLLATE BINARY)"} {
		path := newDB(t, walMode, script(t, "busy.sql"), "DROP TABLE jobs",
			"CREATE TABLE jobs (id INTEGER PRIMARY KEY, status TEXT COLLATE NOCASE)", index,
			"INSERT INTO jobs (status) VALUES ('running'), ('RUNNING')")
		jobs, err := newStore(t, path).RunningJobs(t.Context())
		require.ErrorContains(t, err, "has no column")
		assert.Len(t, jobs.Value, 1, index)
	}
}
