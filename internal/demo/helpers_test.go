package demo_test

import (
	"database/sql"
	"net/url"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/demo"
)

const (
	tick    = 40 * time.Millisecond
	patient = 15 * time.Second // for what must come, on a slow machine too
	often   = 10 * time.Millisecond
)

// start runs a demo for the time of a test.
func start(t *testing.T, opts demo.Options) *demo.Orchestrator {
	t.Helper()
	if opts.Tick == 0 {
		opts.Tick = tick
	}
	o, err := demo.Start(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.Stop()) })
	return o
}

// reader opens a connection of its own, as the service would.
func reader(t *testing.T, path string) *sql.DB {
	t.Helper()
	uri := url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&_busy_timeout=2000"}
	db, err := sql.Open("sqlite3", uri.String())
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// number reads one number.
func number(t *testing.T, db *sql.DB, query string, args ...any) int64 {
	t.Helper()
	var n int64
	require.NoError(t, db.QueryRow(query, args...).Scan(&n), query)
	return n
}

// counts reads name and count pairs.
func counts(t *testing.T, db *sql.DB, query string) map[string]int64 {
	t.Helper()
	rows, err := db.Query(query)
	require.NoError(t, err, query)
	defer func() { _ = rows.Close() }()
	found := map[string]int64{}
	for rows.Next() {
		var name string
		var n int64
		require.NoError(t, rows.Scan(&name, &n))
		found[name] = n
	}
	require.NoError(t, rows.Err())
	return found
}

// stagesByTask is where each task is that was not finished.
func stagesByTask(t *testing.T, db *sql.DB) map[int64]string {
	t.Helper()
	rows, err := db.Query(`SELECT id, stage FROM tasks WHERE stage NOT IN ('done', 'cancelled')`)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	stages := map[int64]string{}
	for rows.Next() {
		var id int64
		var stage string
		require.NoError(t, rows.Scan(&id, &stage))
		stages[id] = stage
	}
	require.NoError(t, rows.Err())
	return stages
}
