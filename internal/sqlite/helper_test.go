package sqlite

import (
	"crypto/sha256"
	"database/sql"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	walMode    = "WAL"
	deleteMode = "DELETE"
)

// script is a file of testdata.
func script(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "adapters", "sqlstore", "testdata", name))
	require.NoError(t, err)
	return string(text)
}

// uri is the URI of a path with parameters.
func uri(path string, params ...string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + strings.Join(params, "&")
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
