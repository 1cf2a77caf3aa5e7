package sqlstore

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/sqlite"
)

const (
	walMode    = "WAL"
	deleteMode = "DELETE"

	patient = 20 * time.Second // for what must come, on a slow machine too
	often   = 5 * time.Millisecond
)

// script is a file of testdata.
func script(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(text)
}

// newDB is an orchestrator's database in a directory of its own, closed.
func newDB(t testing.TB, mode string, scripts ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orch.db")
	createDB(t, path, mode, append([]string{script(t, "schema.sql")}, scripts...)...)
	return path
}

// createDB makes a database of some scripts and closes it.
func createDB(t testing.TB, path, mode string, scripts ...string) {
	t.Helper()
	db := writable(t, path)
	execute(t, db, "PRAGMA synchronous = OFF", "PRAGMA journal_mode = "+mode)
	execute(t, db, scripts...)
	require.NoError(t, db.Close())
}

// writable opens a database the usual way, on one connection.
func writable(t testing.TB, path string, params ...string) *sql.DB {
	t.Helper()
	return rawDB(t, path, append([]string{"mode=rwc"}, params...)...)
}

// rawDB opens a database with nothing between the test and SQLite.
func rawDB(t testing.TB, path string, params ...string) *sql.DB {
	t.Helper()
	uri := url.URL{Scheme: "file", Path: path, RawQuery: strings.Join(params, "&")}
	db, err := sql.Open("sqlite3", uri.String())
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func execute(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		_, err := db.Exec(statement)
		require.NoError(t, err, statement)
	}
}

// newStore is a store with time enough for every test.
func newStore(t testing.TB, location string) *Store {
	t.Helper()
	return openStore(t, location, 400*time.Millisecond, Options{MaxRows: 10_000})
}

// openStore is a store whose scrapes have so much time.
func openStore(t require.TestingT, location string, budget time.Duration, opts Options) *Store {
	e, err := sqlite.New(location, budget)
	require.NoError(t, err)
	store, err := New(e, opts)
	require.NoError(t, err)
	return store
}

// entry is all of a file that somebody could change.
type entry struct {
	mode    fs.FileMode
	uid     uint32
	inode   uint64
	size    int64
	written time.Time
	content [sha256.Size]byte
}

// listing is the state of a directory, its own times included: they change when
// a file comes or goes.
//
// It opens the files, and closing one drops the locks of this process on it: only
// for when no connection of this process is open.
func listing(t testing.TB, dir string) map[string]entry {
	t.Helper()
	found := map[string]entry{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := os.Lstat(path)
		require.NoError(t, err)
		stat, ok := info.Sys().(*syscall.Stat_t)
		require.True(t, ok)
		file := entry{mode: info.Mode(), uid: stat.Uid, inode: stat.Ino, written: info.ModTime(), size: info.Size()}
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			file.content = sha256.Sum256(content)
		}
		found[path] = file
		return nil
	}))
	return found
}

// names is which files a directory has.
func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	found := []string{}
	for _, file := range entries {
		found = append(found, file.Name())
	}
	return found
}

// descriptors are this process's open files whose path begins with prefix.
func descriptors(t testing.TB, prefix string) []string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("open files are listed in /proc")
	}
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	found := []string{}
	for _, fd := range entries {
		target, err := os.Readlink("/proc/self/fd/" + fd.Name())
		if err == nil && strings.HasPrefix(target, prefix) {
			found = append(found, target)
		}
	}
	return found
}

// slow is a query that does not end by itself within a test, with one row of a
// running job and of an active task.
func slowView(table, columns, values string) string {
	return fmt.Sprintf(`ALTER TABLE %[1]s RENAME TO real_%[1]s;
		CREATE VIEW %[1]s (%[2]s) AS
		WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000000000)
		SELECT %[3]s FROM n WHERE x = 99999999999`, table, columns, values)
}

// scrapeOnce reads everything in one view.
func scrapeOnce(t testing.TB, s *Store) {
	t.Helper()
	ctx, end := s.View(t.Context())
	defer end()
	_, err := s.ActiveTasks(ctx)
	require.NoError(t, err)
	_, err = s.StatusCounts(ctx)
	require.NoError(t, err)
	_, err = s.Retries(ctx)
	require.NoError(t, err)
	_, err = s.RunningJobs(ctx)
	require.NoError(t, err)
	_, err = s.CostTotals(ctx)
	require.NoError(t, err)
}

// each runs fn over the rows of a query.
func each(t require.TestingT, db *sql.DB, query string, fn func(*sql.Rows)) {
	rows, err := db.Query(query)
	require.NoError(t, err, query)
	defer rows.Close()
	for rows.Next() {
		fn(rows)
	}
	require.NoError(t, rows.Err())
}

// uriOf is a path as a URI with parameters.
func uriOf(path string, params ...string) string {
	return (&url.URL{Scheme: "file", Path: path, RawQuery: strings.Join(params, "&")}).String()
}
