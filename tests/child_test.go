package tests

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// childEnv makes the test binary play an agent: "busy" burns CPU, "idle" sleeps.
// A child ends when its standard input does.
const childEnv = "ORCHMETRICS_TEST_CHILD"

func runChild(kind string) int {
	gone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(gone)
	}()
	os.Stdout.WriteString("ready\n")
	for {
		select {
		case <-gone:
			return 0
		default:
		}
		if kind == "busy" {
			for range 1_000_000 {
			}
		} else {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// startChild starts the test binary as an agent, under a file name of its own,
// which becomes the process's comm.
func startChild(t *testing.T, kind, comm string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), comm)
	require.NoError(t, os.Symlink(self, program))
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), childEnv+"="+kind)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	_, err = bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	return cmd
}
