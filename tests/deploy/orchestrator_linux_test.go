package deploy

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// orchestratorID is the uid and gid of whom the database belongs to.
const orchestratorID = 61001

// newData makes the directory of an orchestrator's database, which everybody may
// write, so that nothing but its mount keeps a reader from it.
func newData(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "orchmetrics-deploy-") //nolint:usetesting // other users reach it
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o777))
	return dir
}

// writer is the sqlite3 program, as the orchestrator's user: another process with
// another build of SQLite than ours.
type writer struct {
	stdin io.Writer
	lines *bufio.Scanner
}

// startWriter makes a database in WAL mode with the orchestrator's tables, and
// keeps it open until the test ends.
func startWriter(t *testing.T, path string) *writer {
	t.Helper()
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("needs the sqlite3 program, to write from another process (Debian: apt-get install sqlite3)")
	}
	cmd := exec.Command(program, "-batch", "-init", "/dev/null", path)
	cmd.Dir = "/"
	cmd.Stderr = os.Stderr
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: orchestratorID, Gid: orchestratorID}}
	}
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	w := &writer{stdin: stdin, lines: bufio.NewScanner(stdout)}
	schema, err := os.ReadFile("../testdata/schema.sql")
	require.NoError(t, err)
	w.run(t, "PRAGMA journal_mode=WAL;\n"+string(schema))
	return w
}

// run executes statements and returns when they are done.
func (w *writer) run(t *testing.T, statements string) {
	t.Helper()
	const mark = "--done--"
	_, err := fmt.Fprintf(w.stdin, "%s\nSELECT '%s';\n", statements, mark)
	require.NoError(t, err)
	for w.lines.Scan() {
		if w.lines.Text() == mark {
			return
		}
	}
	require.Fail(t, "the writer ended")
}

// fingerprint describes a directory and the files in it, but for when they were read.
func fingerprint(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for _, name := range append(names, dir) {
		var s syscall.Stat_t
		require.NoError(t, syscall.Stat(name, &s))
		text := fmt.Sprintf("inode %d owner %d:%d mode %o modified %v changed %v", s.Ino, s.Uid, s.Gid, s.Mode, s.Mtim, s.Ctim)
		if name != dir {
			content, err := os.ReadFile(name)
			require.NoError(t, err)
			text += fmt.Sprintf(" content %x", sha256.Sum256(content))
		}
		found[filepath.Base(name)] = text
	}
	return found
}
