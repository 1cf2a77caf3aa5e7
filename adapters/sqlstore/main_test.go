package sqlstore

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
	"github.com/orchmetrics/orchmetrics/internal/sqlite"
	"github.com/orchmetrics/orchmetrics/ports"
)

// role makes the test binary another program: a process beside the one that
// reads, as the orchestrator is.
const role = "ORCH_SQLSTORE_TEST_ROLE"

const (
	roleShell = "shell" // a small sqlite3 command-line program, where there is none
	roleRead  = "read"  // reads the database as another user
	roleCrowd = "crowd" // reads a database of very many active rows
)

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(role) {
	case roleShell:
		err = runShell(os.Args[1], os.Stdin, os.Stdout)
	case roleRead:
		err = json.NewEncoder(os.Stdout).Encode(readAll(os.Args[1]))
	case roleCrowd:
		err = json.NewEncoder(os.Stdout).Encode(readCrowd(os.Args[1]))
	default:
		goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
			postgrestest.Stop()
			os.Exit(code)
		}))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// outcome is what a reader of another process tells: how many tasks it saw, or
// why none.
type outcome struct {
	Tasks int         `json:"tasks"`
	Code  domain.Code `json:"code"`
}

func readAll(path string) (told outcome) {
	e, err := sqlite.New(path, time.Second)
	if err == nil {
		store, _ := New(e, Options{MaxRows: 100})
		var tasks ports.Reading[[]domain.Task]
		tasks, err = store.ActiveTasks(context.Background())
		told.Tasks = len(tasks.Value)
	}
	if err != nil && !errors.As(err, &told.Code) {
		told.Code = domain.CodeSourceFailed
	}
	return told
}

// writer is another process that has the database open, like the orchestrator.
type writer struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// done is what a writer says when it has finished what it was told.
const done = "#done"

// startWriter starts a process that opens the database when it is first told to
// do something, and ends with the test.
func startWriter(t testing.TB, path string) *writer {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "sqlite3", "-batch", path)
	if _, err := exec.LookPath("sqlite3"); err != nil {
		cmd = self(t, roleShell, path)
	}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout
	require.NoError(t, cmd.Start())
	w := &writer{t: t, cmd: cmd, in: in, out: bufio.NewScanner(out)}
	t.Cleanup(w.stop)
	return w
}

// self is this binary in another role.
func self(t testing.TB, as string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), role+"="+as, "GORACE=atexit_sleep_ms=0")
	return cmd
}

// run executes statements and returns what they print, line by line.
func (w *writer) run(statements ...string) []string {
	w.t.Helper()
	lines := w.try(statements...)
	require.NoError(w.t, failure(lines), "%v", statements)
	return lines
}

// failure is what a writer complained about.
func failure(lines []string) error {
	for _, line := range lines {
		if strings.Contains(strings.ToLower(line), "error") {
			return errors.New(line)
		}
	}
	return nil
}

// try executes statements that may fail.
func (w *writer) try(statements ...string) []string {
	w.t.Helper()
	for _, statement := range append(statements, "SELECT '"+done+"'") {
		_, err := io.WriteString(w.in, strings.ReplaceAll(statement, "\n", " ")+";\n")
		require.NoError(w.t, err)
	}
	var lines []string
	for w.out.Scan() && w.out.Text() != done {
		lines = append(lines, w.out.Text())
	}
	require.NoError(w.t, w.out.Err())
	return lines
}

// stop lets the process close the database and end.
func (w *writer) stop() {
	if w.cmd.ProcessState == nil {
		_ = w.in.Close()
		_ = w.cmd.Wait()
	}
}

// kill ends the process as a crash would.
func (w *writer) kill() {
	w.t.Helper()
	require.NoError(w.t, w.cmd.Process.Kill())
	_ = w.cmd.Wait()
}

// runShell executes each line that it is given.
func runShell(path string, in io.Reader, out io.Writer) error {
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if err := runLine(db, lines.Text(), out); err != nil {
			fmt.Fprintln(out, "Error:", err)
		}
	}
	return db.Close()
}

func runLine(db *sql.DB, line string, out io.Writer) error {
	rows, err := db.Query(line)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var value any
		if err := rows.Scan(&value); err != nil {
			return err
		}
		if text, ok := value.([]byte); ok {
			value = string(text)
		}
		fmt.Fprintln(out, value)
	}
	return rows.Err()
}
