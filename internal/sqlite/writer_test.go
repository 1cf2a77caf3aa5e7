package sqlite

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// writer is another process that has the database open, like the orchestrator.
type writer struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// startWriter starts a process that ends with the test.
func startWriter(t testing.TB, path string) *writer {
	t.Helper()
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("needs the sqlite3 program, which writes from another process (Debian: apt-get install sqlite3)")
	}
	w := &writer{t: t, cmd: exec.CommandContext(context.Background(), program, "-batch", path)}
	w.in, err = w.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := w.cmd.StdoutPipe()
	require.NoError(t, err)
	w.cmd.Stderr = w.cmd.Stdout
	w.out = bufio.NewScanner(out)
	require.NoError(t, w.cmd.Start())
	t.Cleanup(w.stop)
	return w
}

// run runs statements and waits for them.
func (w *writer) run(statements ...string) {
	w.t.Helper()
	for _, statement := range statements {
		_, err := io.WriteString(w.in, statement+";\n")
		require.NoError(w.t, err)
	}
	_, err := io.WriteString(w.in, ".print #done\n")
	require.NoError(w.t, err)
	for w.out.Scan() && w.out.Text() != "#done" {
		require.NotContains(w.t, w.out.Text(), "rror", "%v", statements)
	}
}

// stop ends the process, which closes the database.
func (w *writer) stop() {
	_ = w.in.Close()
	_ = w.cmd.Wait()
}
