package sqlstore

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/postgres"
	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

// toPostgres makes the statements of the model's world those of PostgreSQL.
var toPostgres = strings.NewReplacer(
	" (x)", " (x int)", "VACUUM", "VACUUM FULL jobs", "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM ANALYZE agent_runs",
	"SELECT group_concat(cost, ' ') FROM (SELECT printf('%!.17g', total(cost_usd)) cost FROM agent_runs GROUP BY model ORDER BY model)",
	"SELECT string_agg(cost::text, ' ' ORDER BY model COLLATE \"C\" NULLS FIRST) FROM (SELECT model, coalesce(sum(cost_usd), 0) AS cost FROM agent_runs GROUP BY model) m",
	"sum(status = 'queued')", "count(*) FILTER (WHERE status = 'queued')", "sum(status = 'running')", "count(*) FILTER (WHERE status = 'running')",
	"sum(status = 'done')", "count(*) FILTER (WHERE status = 'done')", "sum(status = 'failed')", "count(*) FILTER (WHERE status = 'failed')",
	"sum(status = 'cancelled')", "count(*) FILTER (WHERE status = 'cancelled')", "sum(max(attempts - 1, 0))", "sum(greatest(attempts - 1, 0))",
	"SELECT group_concat(line, ', ') FROM (SELECT coalesce(model, '-') || ' ' || count(*) || ' ' || coalesce(sum(input_tokens), 0) line\n\t\t\tFROM agent_runs GROUP BY model ORDER BY model)",
	"SELECT string_agg(line, ', ' ORDER BY model COLLATE \"C\" NULLS FIRST) FROM (SELECT model, coalesce(model, '-') || ' ' || count(*) || ' ' || coalesce(sum(input_tokens), 0) AS line FROM agent_runs GROUP BY model) m",
)

// watchPostgres is a world in a database of a server, and a store that is polled.
func watchPostgres(t *testing.T, rows int, seed uint64) *watched {
	t.Helper()
	schema := postgrestest.NewSchema(t)
	conn := schema.Writer(t)
	postgrestest.Exec(t, conn, script(t, "postgres.sql"), "GRANT SELECT ON ALL TABLES IN SCHEMA "+schema.Name+" TO metrics",
		"ALTER TABLE agent_runs ALTER COLUMN cost_usd TYPE numeric", // one of the costs is a mistake
		fmt.Sprintf("INSERT INTO jobs (id, status, attempts, run_id) SELECT i, CASE i %% 9 WHEN 0 THEN 'failed' ELSE 'done' END, i %% 3, i FROM generate_series(1, %d) i", rows),
		"INSERT INTO agent_runs (id, cost_usd, input_tokens, model) SELECT id, id / 8.0, id, CASE WHEN id % 7 <> 0 THEN 'm' || (id / 100 % 5) END FROM jobs")
	world := bareWorld(t, rows, seed)
	world.server = func(statements ...string) (lines []string) {
		for _, statement := range statements {
			statement = toPostgres.Replace(statement)
			rows, err := conn.Query(context.Background(), statement, pgx.QueryExecModeSimpleProtocol)
			require.NoError(t, err, statement)
			found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (text string, err error) {
				values, err := row.Values()
				return fmt.Sprint(values...), err
			})
			require.NoError(t, err, statement)
			lines = append(lines, found...)
		}
		return lines
	}
	e, err := postgres.New(postgres.Location{URL: schema.Reader()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	store, err := New(e, Options{MaxRows: 10_000, Recount: recount, now: world.clock})
	require.NoError(t, err)
	return watchOver(t, world, store)
}

// TestPostgresModel: the promises of the model tests hold over PostgreSQL.
func TestPostgresModel(t *testing.T) {
	t.Parallel()
	t.Run("a small table", func(t *testing.T) { t.Parallel(); smallTable(t, watchPostgres(t, 1000, 1), 60) })
	t.Run("work", func(t *testing.T) { t.Parallel(); workOnly(t, watchPostgres(t, 10_000, 2), 40) })
	t.Run("history", func(t *testing.T) { t.Parallel(); historyEdited(t, watchPostgres(t, 10_000, 3), 10_000, 30) })
}

// TestPostgresReloaded: a table that was emptied and filled with other rows of the same
// ids is not taken for the one of before.
func TestPostgresReloaded(t *testing.T) {
	t.Parallel()
	w := watchPostgres(t, 10_000, 4)
	for _, reload := range [][]string{
		{"TRUNCATE agent_runs", "INSERT INTO agent_runs (id, cost_usd, input_tokens) SELECT i, 1, 1 FROM generate_series(1, 10000) i"},
		{
			"CREATE TABLE others (LIKE agent_runs INCLUDING ALL)", "INSERT INTO others (id, cost_usd, input_tokens) SELECT i, 2, 2 FROM generate_series(1, 10000) i",
			"DROP TABLE agent_runs", "ALTER TABLE others RENAME TO agent_runs", "GRANT SELECT ON agent_runs TO metrics",
		},
	} {
		got := w.poll()
		require.NoError(t, got.err)
		require.True(t, w.right(got), "%v, not %v", got, w.sums())
		w.run(reload...)
		got = w.poll()
		require.True(t, w.right(got) || got.err != nil, "%v, not %v", got, w.sums())
	}
}
