package tests

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

// postgresWriter writes a schema of a real server. It speaks SQLite's SQL, as far as these
// tests use it.
type postgresWriter struct {
	t    *testing.T
	conn *pgx.Conn
}

// newPostgresWriter makes the orchestrator's tables in a schema.
func newPostgresWriter(t *testing.T, schema postgrestest.Schema) postgresWriter {
	t.Helper()
	script, err := os.ReadFile("../adapters/sqlstore/testdata/postgres.sql")
	require.NoError(t, err)
	conn := schema.Writer(t)
	postgrestest.Exec(t, conn, string(script), "GRANT SELECT ON ALL TABLES IN SCHEMA "+schema.Name+" TO metrics")
	return postgresWriter{t, conn}
}

var (
	ago     = regexp.MustCompile(`datetime\('now', '-(\d+) (\w+)'\)`)
	seconds = regexp.MustCompile(`strftime\('%s','([^']*)'\) - strftime\('%s', ([\w.]+)\)`)
	words   = strings.NewReplacer("datetime('now')", "now()", "json_group_array(", "json_agg(", "json_object(", "json_build_object(")
)

func translated(sql string) string {
	sql = ago.ReplaceAllString(sql, "now() - interval '$1 $2'")
	sql = seconds.ReplaceAllString(sql, "extract(epoch FROM timestamptz '$1+00')::bigint - floor(extract(epoch FROM $2))::bigint")
	return words.Replace(sql)
}

func (w postgresWriter) run(format string, args ...any) []string {
	w.t.Helper()
	postgrestest.Exec(w.t, w.conn, translated(fmt.Sprintf(format, args...)))
	return nil
}

func (w postgresWriter) value(query string) (value string) {
	w.t.Helper()
	require.NoError(w.t, w.conn.QueryRow(context.Background(), "SELECT ("+translated(query)+")::text").Scan(&value))
	return value
}
