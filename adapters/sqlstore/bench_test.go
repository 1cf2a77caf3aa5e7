package sqlstore

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkScrape measures the readings of one scrape, opening and closing
// included, over a small orchestrator: 200 active tasks, 16 running agents, 50
// queued jobs, a history of 1,000.
func BenchmarkScrape(b *testing.B) {
	path := newDB(b, walMode, `WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000)
		INSERT INTO tasks (id, work_item_id, repo, stage) SELECT x, 'ORCH-' || x, 'core', CASE WHEN x <= 800 THEN 'done' ELSE 'review' END FROM n;
		INSERT INTO agent_runs (id, model, effort, finished_at, cost_usd, input_tokens, output_tokens)
			SELECT id, 'claude-opus-4-8', 'high', datetime('now'), 0.5, 1000, 100 FROM tasks;
		INSERT INTO jobs (id, task_id, repo, agent, status, attempts, run_id, pid, started_at)
			SELECT id, id, 'core', 'developer', CASE WHEN id > 984 THEN 'running' WHEN id > 934 THEN 'queued' ELSE 'done' END,
			id % 3, id, id, datetime('now') FROM tasks;`)
	live := writable(b, path) // keeps the log and its index alive
	execute(b, live, "UPDATE tasks SET repo = 'web' WHERE id = 1")
	for _, c := range []struct {
		name  string
		exact bool
		flood bool
	}{{"everything read", true, false}, {"history kept", false, false}, {"unchanged, in a flood", false, true}} {
		b.Run(c.name, func(b *testing.B) {
			store, err := New(path, Options{MaxRows: 10_000, Budget: time.Second, Exact: c.exact})
			require.NoError(b, err)
			if !c.flood {
				var now time.Time
				store.flood.now = func() time.Time { now = now.Add(time.Minute); return now }
			}
			b.ReportAllocs()
			for b.Loop() {
				ctx, end := store.View(context.Background())
				_, err1 := store.ActiveTasks(ctx)
				_, err2 := store.StatusCounts(ctx)
				_, err3 := store.Retries(ctx)
				_, err4 := store.RunningJobs(ctx)
				_, err5 := store.CostTotals(ctx)
				end()
				for _, err := range []error{err1, err2, err3, err4, err5} {
					require.NoError(b, err)
				}
			}
		})
	}
}
