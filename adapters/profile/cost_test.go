package profile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/sqlite"
)

// board is a board of Hermes with so many ended tasks, each of one run and one session, a
// hundred that wait and ten that run.
func board(t testing.TB, ended int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kanban.db")
	fill := func(file, script string, statements ...string) {
		text, err := os.ReadFile("../../tests/testdata/" + script)
		require.NoError(t, err)
		writer(t, filepath.Join(filepath.Dir(path), file), append(append([]string{string(text), "BEGIN"}, statements...), "COMMIT")...)
	}
	numbers := func(upto int) string {
		return fmt.Sprintf("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < %d) ", upto)
	}
	fill("kanban.db", "hermes.sql",
		numbers(ended)+"INSERT INTO tasks (id, title, status, created_at) SELECT printf('t_%08x', x), 'x', CASE x % 7 WHEN 0 THEN 'archived' ELSE 'done' END, 1780000000 + x FROM n",
		numbers(ended)+"INSERT INTO task_runs (task_id, status, started_at, ended_at) SELECT printf('t_%08x', x), 'done', 1780000000 + x, 1780000001 + x FROM n",
		numbers(ended)+"INSERT INTO task_events (task_id, kind, created_at) SELECT printf('t_%08x', x), 'completed', 1780000000 + x FROM n",
		numbers(100)+"INSERT INTO tasks (id, title, status, created_at) SELECT 'w' || x, 'x', 'ready', 1780000000 FROM n",
		numbers(10)+"INSERT INTO tasks (id, title, status, created_at) SELECT 'r' || x, 'x', 'running', 1780000000 FROM n",
		numbers(10)+"INSERT INTO task_runs (task_id, status, started_at) SELECT 'r' || x, 'running', 1780000000 FROM n")
	fill("state.db", "hermes_usage.sql",
		numbers(ended)+"INSERT INTO sessions (id, model, started_at, input_tokens, estimated_cost_usd) SELECT 's' || x, 'm' || (x % 5), 1780000000 + x, x, 0.01 FROM n")
	return path
}

func hermes(t testing.TB, path string, opts Options) *Store {
	t.Helper()
	p, err := Load("hermes", sqlite.Syntax)
	require.NoError(t, err)
	return storeOf(t, p, path, opts)
}

// TestCost_NoScans: what Hermes and Mission Control read at each scrape is found by
// indexes: no step goes over all rows of a table, whatever ANALYZE has found.
func TestCost_NoScans(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{"hermes": "hermes.sql", "mission-control": "mission-control.sql", "openclaw": "openclaw.sql"} {
		text, err := os.ReadFile("../../tests/testdata/" + script)
		require.NoError(t, err)
		for _, analyzed := range []string{"SELECT 1", "ANALYZE"} {
			path := filepath.Join(t.TempDir(), "orch.db")
			writer(t, path, string(text), analyzed)
			p, err := Load(name, sqlite.Syntax)
			require.NoError(t, err)
			for _, f := range storeOf(t, p, path, exact).Check(t.Context()) {
				for _, scan := range f.Scans {
					own := scan == "SCAN states" // the states that there are
					assert.True(t, f.History || own, "%s: %s: %s", name, f.Query, scan)
				}
			}
		}
	}
}

// BenchmarkScrape reads what a scrape reads over a board with much history. Run it with
// ORCHMETRICS_PERF_ROWS=1000,1000000.
func BenchmarkScrape(b *testing.B) {
	sizes := os.Getenv("ORCHMETRICS_PERF_ROWS")
	if sizes == "" {
		sizes = "1000"
	}
	for size := range strings.SplitSeq(sizes, ",") {
		var ended int
		_, err := fmt.Sscan(size, &ended)
		require.NoError(b, err)
		path := board(b, ended)
		scrape := func(s *Store) {
			ctx, end := s.View(b.Context())
			defer end()
			_, err := s.ActiveTasks(ctx)
			require.NoError(b, err)
			_, err = s.RunningJobs(ctx)
			require.NoError(b, err)
			_, err = s.StatusCounts(ctx)
			require.NoError(b, err)
			_, err = s.Retries(ctx)
			require.NoError(b, err)
			_, err = s.CostTotals(ctx)
			require.NoError(b, err)
		}
		b.Run("active/ended="+size, func(b *testing.B) {
			s := hermes(b, path, Options{Recount: 0})
			scrape(s) // reads history once
			for b.Loop() {
				scrape(s)
			}
		})
		b.Run("history/ended="+size, func(b *testing.B) {
			s := hermes(b, path, exact)
			for b.Loop() {
				scrape(s)
			}
		})
		b.Run("polled/ended="+size, func(b *testing.B) { // once a second, for an hour, by the clock of the store
			s := hermes(b, path, Options{Recount: 0.01})
			start, at := time.Now(), time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
			s.now = func() time.Time { return at.Add(time.Since(start)) }
			polls := 0
			began := time.Now()
			for b.Loop() {
				at = at.Add(time.Second)
				polls++
				scrape(s)
			}
			b.ReportMetric(100*time.Since(began).Seconds()/float64(polls), "%core")
		})
	}
}
