package sqlite

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine/enginetest"
)

// TestEngine runs the suite over a database that another process has open and writes.
func TestEngine(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, database)
}

func database(t testing.TB) enginetest.Database {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orch.db")
	createDB(t, path, walMode)
	writer := startWriter(t, path)
	writer.run("CREATE TABLE first (x)")
	e, err := New(path, 2*time.Second)
	require.NoError(t, err)
	absent, err := New(filepath.Join(t.TempDir(), "absent.db"), time.Second)
	require.NoError(t, err)
	return enginetest.Database{
		Engine: e,
		Exec:   func(_ testing.TB, statements ...string) { writer.run(statements...) },
		Replace: func(t testing.TB) {
			other := filepath.Join(t.TempDir(), "other.db")
			createDB(t, other, walMode)
			writer.stop()
			require.NoError(t, os.Rename(other, path))
			*writer = *startWriter(t, path)
			writer.run("CREATE TABLE first (x)")
		},
		Absent:  absent,
		Missing: domain.CodeDBMissing,
		Open:    func(t testing.TB) int { return openFiles(t, path) },
		Types:   enginetest.Types{Text: "TEXT", Integer: "INTEGER", Real: "REAL", Time: "TEXT"},
		Writes:  append(changes(), tricks(t.TempDir())...),
		Cells: []enginetest.Cell{
			{Type: "INTEGER", SQL: "'12'", Read: enginetest.Integer, Want: int64(12)},
			{Type: "INTEGER", SQL: "'twelve'", Read: enginetest.Integer, Odd: true},
			{Type: "INTEGER", SQL: "x'00'", Read: enginetest.Integer, Odd: true},
			{Type: "REAL", SQL: "9e999", Read: enginetest.Real, Odd: true},
			{Type: "TEXT", SQL: "x'666f6f'", Read: enginetest.Text, Odd: true},
			{Type: "TEXT", SQL: "CAST(x'61ff62' AS TEXT)", Read: enginetest.Text, Want: "a\ufffdb"},
			{Type: "BLOB", SQL: "2461193", Read: enginetest.Time, Want: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)},
			{Type: "DATETIME", SQL: "'2026-06-01 12:00:00'", Read: enginetest.Time, Want: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)},
		},
	}
}

// openFiles is how many descriptors of this process are of the database.
func openFiles(t testing.TB, path string) (open int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("open files are listed in /proc")
	}
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, fd := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(target, path) {
			open++
		}
	}
	return open
}
