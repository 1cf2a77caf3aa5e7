package procfs

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/ports"
)

// TestSystemCalls: what a sample costs is some system calls for each thread, whatever
// else runs on the host. Before it had signs of life it made 10 for a process of one
// thread, and 19 and 3 for each thread for one of several; 2.5 times that is the bound.
func TestSystemCalls(t *testing.T) {
	cmd := exec.Command("sleep", "infinity")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	sleeper := int64(cmd.Process.Pid)
	eventually(t, sleeper, func(now ports.Sample) bool { return *now.Process.State == "S" })
	calls := callsOfSample(t, sleeper)
	t.Logf("one thread: %v system calls", calls)
	assert.LessOrEqual(t, calls, 2.5*10)

	threaded := start(t, "threads").pid()
	threads := int64(-1)
	for now := *alive(t, threaded).Process.Threads; now != threads; now = *alive(t, threaded).Process.Threads {
		threads = now // the Go runtime may start a thread on the way
		calls = callsOfSample(t, threaded)
	}
	t.Logf("%d threads: %v system calls", threads, calls)
	assert.LessOrEqual(t, calls, 2.5*float64(19+3*threads))
}

// callsOfSample counts the system calls of a sample that have to do with files.
func callsOfSample(t *testing.T, pid int64) float64 {
	t.Helper()
	const more = 50
	once, often := countCalls(t, 1, pid), countCalls(t, 1+more, pid)
	require.Greater(t, often, once)
	return float64(often-once) / more
}

func countCalls(t *testing.T, times, pid int64) int {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	log := filepath.Join(t.TempDir(), "calls")
	tool(t, "strace", "strace", "-f", "-qq", "-o", log, "-e", "trace=openat,read,close,getdents64,newfstatat,fstat,lseek,kill",
		"-E", fmt.Sprintf("%s=sampler,%d,%d", childEnv, times, pid), self)
	calls, err := os.ReadFile(log)
	require.NoError(t, err)
	return bytes.Count(calls, []byte("\n"))
}
