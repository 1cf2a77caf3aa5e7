package tests

import (
	"bufio"
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/mattn/go-sqlite3" // the tests' own writer
	"github.com/stretchr/testify/require"
)

// newDatabase makes a WAL database of the files in testdata and closes it, so
// that it lies at rest. It returns its path.
func newDatabase(t *testing.T, files ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orchestrator.db")
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	for _, file := range files {
		script, err := os.ReadFile(filepath.Join("testdata", file))
		require.NoError(t, err)
		_, err = db.Exec(string(script))
		require.NoError(t, err)
	}
	return path
}

// writer is another process that has the database open: the sqlite3 program.
type writer struct {
	t     *testing.T
	stdin io.WriteCloser
	lines *bufio.Scanner
}

// startWriter opens the database in another process and keeps it open until the
// test ends.
func startWriter(t *testing.T, path string) *writer {
	t.Helper()
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("needs the sqlite3 program, to write from another process (Debian: apt-get install sqlite3)")
	}
	cmd := exec.CommandContext(t.Context(), program, "-batch", path)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	w := &writer{t: t, stdin: stdin, lines: bufio.NewScanner(stdout)}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
		require.Empty(t, stderr.String())
	})
	w.run("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;")
	return w
}

// run executes statements and returns what they print, without waiting for time
// to pass: a mark is printed after them.
func (w *writer) run(format string, args ...any) []string {
	w.t.Helper()
	const mark = "--done--"
	_, err := fmt.Fprintf(w.stdin, format+"\nSELECT '%s';\n", append(args, mark)...)
	require.NoError(w.t, err)
	var lines []string
	for w.lines.Scan() {
		if w.lines.Text() == mark {
			return lines
		}
		lines = append(lines, w.lines.Text())
	}
	require.Fail(w.t, "the writer ended", "after %s", strings.TrimSpace(format))
	return nil
}

// value runs one query and returns its only line.
func (w *writer) value(query string) string {
	w.t.Helper()
	lines := w.run("%s", query+";")
	require.Len(w.t, lines, 1, query)
	return lines[0]
}
