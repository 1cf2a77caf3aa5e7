package chaos

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// orchestrator is a process that writes the database: the sqlite3 program, whose
// SQLite is not the one that we read with.
type orchestrator struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  *bufio.Scanner
	stderr bytes.Buffer
	ended  bool
}

// start opens the database of a place as its owner. The process ends with the
// test, at the latest.
func start(t *testing.T, p *place) *orchestrator {
	t.Helper()
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("needs the sqlite3 program, to write from another process (Debian: apt-get install sqlite3)")
	}
	o := &orchestrator{t: t, cmd: exec.Command(program, "-batch", "-init", "/dev/null", p.db)}
	o.cmd.Dir = p.dir
	p.owner.become(o.cmd)
	o.cmd.Stderr = &o.stderr
	o.stdin, err = o.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := o.cmd.StdoutPipe()
	require.NoError(t, err)
	o.lines = bufio.NewScanner(stdout)
	require.NoError(t, o.cmd.Start())
	t.Cleanup(o.end)
	o.run(".timeout 10000")
	return o
}

// run executes statements, and returns what they print when they are done.
func (o *orchestrator) run(format string, args ...any) []string {
	o.t.Helper()
	const mark = "--done--"
	_, err := fmt.Fprintf(o.stdin, format+"\nSELECT '%s';\n", append(args, mark)...)
	require.NoError(o.t, err)
	var lines []string
	for o.lines.Scan() {
		if o.lines.Text() == mark {
			return lines
		}
		lines = append(lines, o.lines.Text())
	}
	require.Fail(o.t, "the writer ended", "after %s: %s", strings.TrimSpace(format), o.stderr.String())
	return nil
}

// mark commits a state that an envelope can be told by.
func (o *orchestrator) mark(repo string) {
	o.t.Helper()
	o.run("UPDATE tasks SET repo='%s' WHERE id=7;", repo)
}

// value runs a query and returns its only line.
func (o *orchestrator) value(query string) string {
	o.t.Helper()
	lines := o.run("%s;", query)
	require.Len(o.t, lines, 1, query)
	return lines[0]
}

// journal changes the journal mode, for which nobody else may be connected: it
// tries until no scrape is in its way.
func (o *orchestrator) journal(mode string) {
	o.t.Helper()
	for range 10_000 {
		if lines := o.run("PRAGMA journal_mode=%s;", mode); len(lines) == 1 && lines[0] == mode {
			return
		}
	}
	require.Fail(o.t, "the journal mode could not be changed", o.stderr.String())
}

// stop lets the process close the database and end, and it must have had nothing
// to complain of.
func (o *orchestrator) stop() {
	o.t.Helper()
	o.end()
	require.Empty(o.t, o.stderr.String(), "what the writer complained of")
}

// kill ends the process as a crash does.
func (o *orchestrator) kill() {
	o.t.Helper()
	require.NoError(o.t, o.cmd.Process.Kill())
	o.end()
}

func (o *orchestrator) end() {
	if o.ended {
		return
	}
	o.ended = true
	_ = o.stdin.Close()
	_ = o.cmd.Wait()
}
