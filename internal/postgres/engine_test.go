package postgres

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine/enginetest"
	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		postgrestest.Stop()
		os.Exit(code)
	}))
}

// newEngine is an engine that closes with the test.
func newEngine(t testing.TB, url string) *Engine {
	t.Helper()
	e, err := New(Location{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// TestEngine runs the suite as a role that could write, so that it is this package that
// refuses.
func TestEngine(t *testing.T) {
	t.Parallel()
	server := postgrestest.Shared(t)
	enginetest.Run(t, func(t testing.TB) enginetest.Database { return database(t, server.NewDatabase(t)) })
}

func database(t testing.TB, db postgrestest.Database) enginetest.Database {
	t.Helper()
	owner, admin := db.Writer(t), db.Connect(t, "postgres", "postgres")
	exec := func(t testing.TB, statements ...string) { postgrestest.Exec(t, owner, statements...) }
	return enginetest.Database{
		Engine: newEngine(t, db.URL("orchestrator", db.Name)),
		Exec:   exec,
		Lock: func(t testing.TB, table string) func() {
			exec(t, "BEGIN", "LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE")
			return func() { exec(t, "COMMIT") }
		},
		Busy: domain.CodeDBBusy,
		Replace: func(t testing.TB) {
			require.NoError(t, owner.Close(context.Background()))
			postgrestest.Exec(t, admin, "DROP DATABASE "+db.Name+" WITH (FORCE)")
			db.Create(t, admin)
			owner = db.Writer(t)
		},
		Absent:  newEngine(t, db.URL("orchestrator", "absent")),
		Missing: domain.CodeDBMissing,
		Open: func(t testing.TB) (open int) {
			row := admin.QueryRow(context.Background(), "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'orchmetrics'"+
				" AND state IS DISTINCT FROM 'idle'", pgx.QueryExecModeExec, db.Name)
			require.NoError(t, row.Scan(&open))
			return open
		},
		Types: enginetest.Types{Text: "text", Integer: "bigint", Real: "double precision", Time: "timestamptz"},
		Writes: []string{
			"SELECT * INTO others FROM things",
			"WITH gone AS (DELETE FROM things RETURNING id) SELECT id FROM gone",
			"SELECT id FROM things FOR UPDATE",
			"SELECT nextval('things_id_seq')",
			"SELECT set_config('transaction_read_only', 'off', true)",
			"SELECT set_config('transaction_read_only', 'off', false)",
			"SET TRANSACTION READ WRITE",
			"SET default_transaction_read_only = off",
			"BEGIN", "END", "ABORT", "SAVEPOINT other", "RELEASE SAVEPOINT orchmetrics", "ROLLBACK TO SAVEPOINT orchmetrics",
			"LOCK TABLE things IN EXCLUSIVE MODE", "COPY things TO PROGRAM 'true'", "DO 'BEGIN DELETE FROM things; END'", "CALL other()",
			"PREPARE TRANSACTION 'x'", "NOTIFY other", "LISTEN other", "DISCARD ALL", "EXPLAIN ANALYZE DELETE FROM things", "TRUNCATE things",
			"GRANT ALL ON things TO metrics", "select/**/1; delete from things", "-- SELECT\nDELETE FROM things", "", ";",
		},
		Cells: cellsOfTypes(),
	}
}

// cellsOfTypes are cells of the types that SQLite lacks.
func cellsOfTypes() []enginetest.Cell {
	const text, integer, float, instant = enginetest.Text, enginetest.Integer, enginetest.Real, enginetest.Time
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	return []enginetest.Cell{
		{Type: "smallint", SQL: "-5", Read: integer, Want: int64(-5)},
		{Type: "integer", SQL: "5", Read: integer, Want: int64(5)},
		{Type: "numeric", SQL: "5", Read: integer, Want: int64(5)},
		{Type: "numeric(20,2)", SQL: "5.00", Read: integer, Want: int64(5)},
		{Type: "numeric", SQL: "5.5", Read: integer, Odd: true},
		{Type: "numeric", SQL: "9223372036854775807", Read: integer, Want: int64(1<<63 - 1)},
		{Type: "numeric", SQL: "9223372036854775808", Read: integer, Odd: true},
		{Type: "numeric(10,4)", SQL: "12.5", Read: float, Want: 12.5},
		{Type: "numeric", SQL: "'NaN'", Read: float, Odd: true},
		{Type: "numeric", SQL: "1e400", Read: float, Odd: true},
		{Type: "numeric", SQL: "1.5", Read: text, Odd: true},
		{Type: "real", SQL: "0.5", Read: float, Want: 0.5},
		{Type: "double precision", SQL: "'Infinity'", Read: float, Odd: true},
		{Type: "double precision", SQL: "'NaN'", Read: integer, Odd: true},
		{Type: "double precision", SQL: "0.1", Read: float, Want: 0.1},
		{Type: "boolean", SQL: "true", Read: integer, Want: int64(1)},
		{Type: "boolean", SQL: "false", Read: float, Want: 0.0},
		{Type: "boolean", SQL: "true", Read: text, Odd: true},
		{Type: "boolean", SQL: "true", Read: instant, Odd: true},
		{Type: "varchar(20)", SQL: "'short'", Read: text, Want: "short"},
		{Type: "char(5)", SQL: "'ab'", Read: text, Want: "ab"},
		{Type: "uuid", SQL: "'00000000-0000-4000-8000-000000000001'", Read: text, Want: "00000000-0000-4000-8000-000000000001"},
		{Type: "jsonb", SQL: `'"a \"b\""'`, Read: text, Want: `a "b"`},
		{Type: "jsonb", SQL: "'12'", Read: integer, Want: int64(12)},
		{Type: "json", SQL: "'1.5'", Read: float, Want: 1.5},
		{Type: "json", SQL: "'null'", Read: text},
		{Type: "jsonb", SQL: `'{"a":1}'`, Read: integer, Odd: true},
		{Type: "jsonb", SQL: `'"2026-06-01T12:00:00Z"'`, Read: instant, Want: noon},
		{Type: "timestamp", SQL: "'2026-06-01 12:00:00.75'", Read: instant, Want: noon},
		{Type: "date", SQL: "'2026-06-01'", Read: instant, Want: noon.Add(-12 * time.Hour)},
		{Type: "timestamptz", SQL: "'infinity'", Read: instant, Odd: true},
		{Type: "date", SQL: "'-infinity'", Read: instant, Odd: true},
		{Type: "timestamptz", SQL: "'2026-06-01 14:00:00+02'", Read: integer, Odd: true},
		{Type: "timestamptz", SQL: "'2026-06-01 14:00:00+02'", Read: text, Odd: true},
		{Type: "bigint", SQL: "2461193", Read: instant, Want: noon},
		{Type: "numeric", SQL: "2461193.0", Read: instant, Want: noon},
		{Type: "bigint", SQL: "1780315200", Read: instant, Odd: true},
		{Type: "interval", SQL: "'1 hour'", Read: instant, Odd: true},
		{Type: "text[]", SQL: "'{a,b}'", Read: text, Want: "{a,b}"},
	}
}
