package profile

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// thousand is a table of a thousand rows, of which three make 10^9.
const thousand = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000)"

// TestSlow: a query that takes for ever, or much memory, costs its own field, within the
// deadline.
func TestSlow(t *testing.T) {
	path := database(t, "CREATE TABLE jobs (id INTEGER PRIMARY KEY)", "INSERT INTO jobs VALUES (7)",
		"CREATE TABLE texts (s TEXT)", thousand+" INSERT INTO texts SELECT printf('%.*c', 16000, 'x') FROM n, (SELECT 1 UNION ALL SELECT 2)")
	for name, tt := range map[string]struct {
		sql   string
		codes []domain.Code // any of them
		rows  int           // above 0 for what comes to an end
	}{
		"a cross join over 10^9 rows": {
			sql:   thousand + " SELECT max(a.x * b.x % 7) AS task_id, 's' AS stage FROM n a, n b, n c",
			codes: []domain.Code{domain.CodeTimeout},
		},
		"a sort of 10^9 rows": {
			sql:   thousand + " SELECT a.x AS task_id, 's' || b.x || c.x AS stage FROM n a, n b, n c ORDER BY 2",
			codes: []domain.Code{domain.CodeTimeout, domain.CodeTooLarge},
		},
		"a sort of more than may be in memory": {
			sql:   thousand + " SELECT a.x AS task_id, printf('%.*c', 2000, 'x') || b.x AS stage FROM n a, n b ORDER BY 2",
			codes: []domain.Code{domain.CodeTooLarge},
		},
		"a set of 10^9 rows": {
			sql:   thousand + " SELECT DISTINCT a.x * 1000000 + b.x * 1000 + c.x AS task_id, hex(a.x) || hex(b.x) || 'a text that takes memory' AS stage FROM n a, n b, n c ORDER BY 1 DESC",
			codes: []domain.Code{domain.CodeTimeout, domain.CodeTooLarge},
		},
		"a recursion without an end": {
			sql:   "WITH RECURSIVE n(x) AS (SELECT 1 UNION SELECT x + 1 FROM n) SELECT max(x) AS task_id, 's' AS stage FROM n",
			codes: []domain.Code{domain.CodeTimeout, domain.CodeTooLarge},
		},
		"10^6 rows": {
			sql:  thousand + " SELECT a.x * 1000 + b.x AS task_id, 's' AS stage FROM n a, n b",
			rows: 10_000,
		},
		"one text of 1 GB": {
			sql:   "SELECT 1 AS task_id, printf('%.*c', 1000000000, 'x') AS stage",
			codes: []domain.Code{domain.CodeTooLarge},
		},
		"a text that grows": {
			sql: "SELECT 1 AS task_id, group_concat(s) AS stage FROM texts", rows: 1,
		},
		"100 MB of text": {
			sql: "SELECT a.rowid * 10 + b.x AS task_id, s AS stage, s AS work_item, s AS repo FROM texts a, (SELECT 1 AS x UNION ALL SELECT 2) b", rows: 2800,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := over(t, head+fmt.Sprintf("stages: {sql: %q}\nrunning: {sql: SELECT id AS job_id FROM jobs}\n", tt.sql), path, exact)
			deadline := 2 * time.Second
			if tt.rows > 0 || len(tt.codes) == 1 && tt.codes[0] == domain.CodeTooLarge {
				deadline = time.Minute // which rows are shown does not depend on the machine
			}
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			ctx, end := s.View(ctx)
			defer end()
			before := memory()
			began := time.Now()
			tasks, err := s.ActiveTasks(ctx)
			took := time.Since(began)
			jobs, jobsErr := s.RunningJobs(ctx)
			assert.Less(t, took, deadline*9/10, "it leaves the others time")
			assert.Less(t, memory()-before, int64(100<<20))
			require.NoError(t, jobsErr, "another reading of the same view")
			assert.Len(t, jobs.Value, 1)
			if len(tt.codes) == 0 {
				require.NoError(t, err)
				assert.Equal(t, tt.rows > 1, tasks.Truncated)
				assert.InDelta(t, tt.rows, len(tasks.Value), float64(tt.rows)/10)
				assert.Zero(t, tasks.Anomalies)
				assert.LessOrEqual(t, len(tasks.Value[0].Stage), 4096, "a text that is too large is cut")
				return
			}
			code := domain.Code("")
			require.ErrorAs(t, err, &code)
			assert.Contains(t, tt.codes, code, "%v", err)
			assert.Empty(t, tasks.Value)
		})
	}
}

// memory is what Go holds.
func memory() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapInuse)
}

// TestLocked: an orchestrator that has its database locked costs what reads it, and
// a second database is read all the same.
func TestLocked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	locked := writer(t, filepath.Join(dir, "orch.db"), "CREATE TABLE jobs (id)", "INSERT INTO jobs VALUES (1)", "PRAGMA journal_mode = DELETE")
	writer(t, filepath.Join(dir, "usage.db"), "CREATE TABLE runs (cost)", "INSERT INTO runs VALUES (2.5)")
	s := over(t, withDatabase("usage: {path: usage.db, beside: db}")+"running: {sql: SELECT id AS job_id FROM jobs}\n"+
		"totals: {database: usage, sql: \"SELECT count(*) AS runs, sum(cost) AS cost_usd FROM runs\"}\n", filepath.Join(dir, "orch.db"), exact)
	_, err := locked.Exec("BEGIN EXCLUSIVE")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ctx, end := s.View(ctx)
	defer end()
	_, err = s.RunningJobs(ctx)
	require.ErrorIs(t, err, domain.CodeDBBusy)
	totals, err := s.CostTotals(ctx)
	require.NoError(t, err)
	assert.InEpsilon(t, 2.5, *totals.Value.CostUSD, 1e-9)
	_, err = locked.Exec("COMMIT")
	require.NoError(t, err)
	jobs, err := s.RunningJobs(t.Context())
	require.NoError(t, err, "it is back at once")
	assert.Len(t, jobs.Value, 1)
}

// TestLeftOut: what a profile does not have is told so, and a database that is optional
// and not there is left out, while one that cannot be read is not.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "orch.db")
	writer(t, path, "CREATE TABLE jobs (id)")
	content := withDatabase("usage: {path: usage.db, beside: db, optional: true}") + "totals: {database: usage, sql: SELECT count(*) AS runs FROM runs}\n"
	s := over(t, content, path, exact)
	_, err := s.RunningJobs(t.Context())
	require.ErrorIs(t, err, domain.CodeNotInProfile)
	_, err = s.StatusCounts(t.Context())
	require.ErrorIs(t, err, domain.CodeNotInProfile)
	_, err = s.Retries(t.Context())
	require.ErrorIs(t, err, domain.CodeNotInProfile)
	_, err = s.CostTotals(t.Context())
	require.ErrorIs(t, err, domain.CodeNotInProfile)
	writer(t, filepath.Join(dir, "usage.db"), "CREATE TABLE other (x)")
	_, err = s.CostTotals(t.Context())
	require.ErrorIs(t, err, domain.CodeSchemaDrift)
	_, err = s.ActiveTasks(t.Context())
	require.ErrorIs(t, err, domain.CodeSchemaDrift, "no table of tasks")
}

// clock is one that the test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// TestPace: a query over history is run again when its share of a core allows it, and
// what is shown meanwhile says since when it is so; what is active is of each scrape.
func TestPace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "orch.db")
	db := writer(t, path, "CREATE TABLE jobs (id INTEGER PRIMARY KEY, status)", "INSERT INTO jobs (status) VALUES ('done'), ('running')")
	s := over(t, head+`running: {sql: SELECT id AS job_id FROM jobs WHERE status = 'running'}
counts: {sql: "SELECT status, count(*) AS jobs FROM jobs GROUP BY status"}
totals: {sql: SELECT count(*) AS runs FROM jobs}
`, path, Options{Recount: 0.01})
	c := &clock{at: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	s.now = c.now
	scrape := func() (counts ports.Reading[domain.StatusCounts], totals ports.Reading[*domain.RunCosts]) {
		ctx, end := s.View(t.Context())
		defer end()
		counts, err := s.StatusCounts(ctx)
		require.NoError(t, err)
		totals, err = s.CostTotals(ctx)
		require.NoError(t, err)
		return counts, totals
	}
	began := c.at
	// The first reading takes 20 ms by the clock: two queries with a hundredth together
	// are not run again for four seconds.
	slow := func() time.Time { c.at = c.at.Add(10 * time.Millisecond); return c.at }
	s.now = slow
	counts, totals := scrape()
	assert.Equal(t, int64(1), counts.Value["done"])
	assert.Nil(t, counts.AsOf, "it is of the scrape")
	assert.Nil(t, totals.AsOf)
	s.now = c.now
	_, err := db.Exec("UPDATE jobs SET status = 'done'")
	require.NoError(t, err)
	_, err = db.Exec("INSERT INTO jobs (status) VALUES ('running'), ('running')")
	require.NoError(t, err)

	c.at = c.at.Add(1500 * time.Millisecond)
	counts, totals = scrape()
	assert.Equal(t, int64(1), counts.Value["done"], "as it was")
	assert.Equal(t, int64(2), counts.Value["running"], "as it is")
	require.NotNil(t, counts.AsOf)
	assert.Equal(t, began, *counts.AsOf)
	assert.Equal(t, int64(2), totals.Value.Runs)
	require.NotNil(t, totals.AsOf)

	c.at = c.at.Add(10 * time.Second)
	counts, totals = scrape()
	assert.Equal(t, int64(2), counts.Value["done"])
	assert.Nil(t, counts.AsOf)
	assert.Equal(t, int64(4), totals.Value.Runs)

	// Another database in the place of this one is read at once.
	other := database(t, "CREATE TABLE jobs (id INTEGER PRIMARY KEY, status)")
	s.engines = storeOf(t, s.profile, other, exact).engines
	counts, totals = scrape()
	assert.Equal(t, int64(0), counts.Value["done"])
	assert.Nil(t, counts.AsOf)
	assert.Equal(t, int64(0), totals.Value.Runs)
}

// slowOnce is a profile whose only query is slow while there is a row in a table.
func slowOnce(joins string) string {
	return head + fmt.Sprintf("totals: {sql: %q}\n", thousand+
		" SELECT count(*) AS runs FROM jobs WHERE NOT EXISTS (SELECT 1 FROM slow) OR (SELECT max(a.x * b.x % 7) FROM "+joins+") > 0")
}

// TestPace_Aside: a query over history that takes longer than a scrape has is read
// beside the scrapes, and shown from then on.
func TestPace_Aside(t *testing.T) {
	t.Parallel()
	path := database(t, "CREATE TABLE jobs (id INTEGER PRIMARY KEY)", "INSERT INTO jobs VALUES (1)", "CREATE TABLE slow (x)", "INSERT INTO slow VALUES (1)")
	s := over(t, slowOnce("n a, n b, (SELECT 1 FROM n LIMIT 10)"), path, Options{Recount: 0.01})
	scrape := func() (ports.Reading[*domain.RunCosts], error) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		return s.CostTotals(ctx)
	}
	got, err := scrape()
	if err != nil { // on a machine that is not very fast
		require.ErrorIs(t, err, domain.CodeCounting)
		assert.Nil(t, got.Value)
	}
	require.Eventually(t, func() bool {
		got, err = scrape()
		return err == nil && got.Value != nil
	}, time.Minute, 10*time.Millisecond)
	assert.Equal(t, int64(1), got.Value.Runs)
	assert.NotNil(t, got.AsOf)
}

// TestPace_Timeout: of a query over history that does not come to an end there is still
// what it returned before, with its code, and it is not tried at each scrape.
func TestPace_Timeout(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "orch.db")
	db := writer(t, path, "CREATE TABLE jobs (id INTEGER PRIMARY KEY)", "INSERT INTO jobs VALUES (1)", "CREATE TABLE slow (x)")
	s := over(t, slowOnce("n a, n b, n c"), path, Options{Recount: 0.01})
	s.asideFor = 200 * time.Millisecond
	c := &clock{at: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	began := time.Now()
	s.now = func() time.Time { return c.at.Add(time.Since(began)) }
	scrape := func() (ports.Reading[*domain.RunCosts], error) {
		ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
		defer cancel()
		return s.CostTotals(ctx)
	}
	got, err := scrape()
	require.NoError(t, err)
	assert.Equal(t, int64(1), got.Value.Runs)
	_, err = db.Exec("INSERT INTO slow VALUES (1)")
	require.NoError(t, err)
	c.at = c.at.Add(time.Hour)
	got, err = scrape()
	require.NoError(t, err, "it is being read beside the scrapes")
	require.NotNil(t, got.Value, "what it returned before")
	require.NotNil(t, got.AsOf)
	require.Eventually(t, func() bool {
		got, err = scrape()
		return errors.Is(err, domain.CodeTimeout) && got.Value != nil
	}, time.Minute, 10*time.Millisecond)
	totals := s.totals
	assert.True(t, s.now().Before(totals.next), "it rests")
	_, err = db.Exec("DELETE FROM slow")
	require.NoError(t, err)
	c.at = c.at.Add(time.Hour)
	got, err = scrape()
	require.NoError(t, err)
	assert.Nil(t, got.AsOf)
}
