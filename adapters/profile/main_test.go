package profile

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/internal/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a scrape may take in tests.
const patience = 5 * time.Second

// writer opens a database as an orchestrator does, in WAL mode, and executes
// statements. It stays open, so that the database is live.
func writer(t testing.TB, path string, statements ...string) *sql.DB {
	t.Helper()
	uri := url.URL{Scheme: "file", Path: path, RawQuery: "mode=rwc&_journal_mode=WAL&_synchronous=OFF"}
	db, err := sql.Open("sqlite3", uri.String())
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	for _, statement := range statements {
		_, err := db.Exec(statement)
		require.NoError(t, err, statement)
	}
	return db
}

func nativeSchema(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../sqlstore/testdata/schema.sql")
	require.NoError(t, err)
	return string(text)
}

// over is a store over a profile's text and the database at a path, its first one.
func over(t testing.TB, content, path string, opts Options) *Store {
	t.Helper()
	p, err := Parse("p.yaml", []byte(content), sqlite.Syntax)
	require.NoError(t, err)
	return storeOf(t, p, path, opts)
}

func storeOf(t testing.TB, p *Profile, path string, opts Options) *Store {
	t.Helper()
	locations, err := p.Locations(path, t.TempDir())
	require.NoError(t, err)
	engines := map[string]engine.Engine{}
	for name, location := range locations {
		engines[name], err = sqlite.New(location, patience)
		require.NoError(t, err)
	}
	if opts.MaxRows == 0 {
		opts.MaxRows = 10_000
	}
	s, err := New(p, engines, opts)
	require.NoError(t, err)
	return s
}

// exact reads everything anew.
var exact = Options{Exact: true}

func database(t testing.TB, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orch.db")
	writer(t, path, statements...)
	return path
}
