package sqlstore

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/postgres"
	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

// BenchmarkPostgresScrape reads a history of so many rows that changes between any two
// scrapes, as at one poll a second; and the running jobs alone, as an instance on another
// host does. It tells how much of a processor each costs the server.
func BenchmarkPostgresScrape(b *testing.B) {
	for _, rows := range []int{1_000, 1_000_000} {
		schema := postgrestest.NewSchema(b)
		writer := schema.Writer(b)
		postgrestest.Exec(b, writer, script(b, "postgres.sql"), "GRANT SELECT ON ALL TABLES IN SCHEMA "+schema.Name+" TO metrics",
			fmt.Sprintf(`INSERT INTO tasks (stage, updated_at) SELECT CASE WHEN n %% (%[1]d / 200) = 0 THEN 'review' ELSE 'done' END, now() FROM generate_series(1, %[1]d) n`, rows),
			fmt.Sprintf(`INSERT INTO jobs (status, attempts, run_id) SELECT CASE WHEN n %% (%[1]d / 20) = 0 THEN 'running' ELSE 'done' END, n %% 4, n FROM generate_series(1, %[1]d) n`, rows),
			fmt.Sprintf(`INSERT INTO agent_runs (model, cost_usd, input_tokens) SELECT 'model-' || n %% 5, n * 0.01, n FROM generate_series(1, %[1]d) n`, rows),
			"ANALYZE")
		for _, whole := range []bool{true, false} {
			b.Run(fmt.Sprintf("rows=%d/whole=%t", rows, whole), func(b *testing.B) {
				e, err := postgres.New(postgres.Location{URL: schema.Reader()})
				require.NoError(b, err)
				defer e.Close()
				began := time.Now()
				now := func() time.Time { return began } // a second passes with each scrape
				store, err := New(e, Options{MaxRows: 10_000, Recount: 0.01, now: now})
				require.NoError(b, err)
				scrape := func() {
					ctx, end := store.View(b.Context())
					defer end()
					if whole {
						_, err = store.ActiveTasks(ctx)
						require.NoError(b, err)
						_, err = store.StatusCounts(ctx)
						require.NoError(b, err)
						_, err = store.CostTotals(ctx)
						require.NoError(b, err)
					}
					_, err = store.RunningJobs(ctx)
					require.NoError(b, err)
				}
				scrape()
				before := ticks(b, schema)
				var took time.Duration
				for b.Loop() {
					postgrestest.Exec(b, writer, fmt.Sprintf("UPDATE jobs SET attempts = attempts + 1 WHERE id = %d", rows-1))
					began = began.Add(time.Second)
					at := time.Now()
					scrape()
					took += time.Since(at)
				}
				b.ReportMetric(float64(took.Microseconds())/float64(b.N), "µs/scrape")
				b.ReportMetric((ticks(b, schema)-before)*10_000/float64(b.N), "server-cpu-µs/scrape")
			})
		}
	}
}

// ticks are those of the processes that serve the role metrics, in hundredths of a second.
func ticks(b *testing.B, schema postgrestest.Schema) (sum float64) {
	b.Helper()
	rows, err := schema.Connect(b, "postgres", "postgres").Query(context.Background(), "SELECT pid FROM pg_stat_activity WHERE usename = 'metrics'")
	require.NoError(b, err)
	defer rows.Close()
	for rows.Next() {
		var pid int
		require.NoError(b, rows.Scan(&pid))
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		require.NoError(b, err)
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		for _, field := range fields[11:13] {
			n, _ := strconv.ParseFloat(field, 64)
			sum += n
		}
	}
	return sum
}
