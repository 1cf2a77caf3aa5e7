package sqlstore

import (
	"testing"
	"time"
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
	for name, exact := range map[string]bool{"everything read": true, "sums kept": false} {
		b.Run(name, func(b *testing.B) {
			store := openStore(b, path, time.Second, Options{MaxRows: 10_000, Exact: exact})
			b.ReportAllocs()
			for b.Loop() {
				scrapeOnce(b, store)
			}
		})
	}
}
