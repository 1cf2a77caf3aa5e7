package procfs

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Conditions that will come true are polled until a deadline that no machine
// should ever need.
const (
	patience = 30 * time.Second
	pause    = 2 * time.Millisecond
)

// child is a chain of real processes.
type child struct {
	cmd   *exec.Cmd
	pids  []int64 // of the chain, from the top
	stdin io.StringWriter
	lines *bufio.Reader
}

// start starts the test binary in the given roles; see childEnv.
func start(t *testing.T, roles ...string) *child {
	t.Helper()
	return startAs(t, exec.Command("/proc/self/exe"), roles...)
}

// startAs starts a command whose environment has the roles, and waits until all
// of the chain are there.
func startAs(t *testing.T, cmd *exec.Cmd, roles ...string) *child {
	t.Helper()
	in, ours, err := os.Pipe()
	require.NoError(t, err)
	cmd.Env = append(os.Environ(), childEnv+"="+strings.Join(roles, ","))
	cmd.Stdin, cmd.Stderr = in, os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = ours.Close() // ends the whole chain
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	require.NoError(t, in.Close())
	c := &child{cmd: cmd, stdin: ours, lines: bufio.NewReader(out)}
	c.pids = c.said(t)
	return c
}

// said reads the pids of one line.
func (c *child) said(t *testing.T) []int64 {
	t.Helper()
	line, err := c.lines.ReadString('\n')
	require.NoError(t, err)
	var pids []int64
	for field := range strings.FieldsSeq(line) {
		pid, err := strconv.ParseInt(field, 10, 64)
		require.NoError(t, err)
		pids = append(pids, pid)
	}
	return pids
}

func (c *child) pid() int64 { return int64(c.cmd.Process.Pid) }

// look samples one process.
func look(t require.TestingT, reader *Reader, pid int64) ports.Sample {
	samples, err := reader.Sample(background(), []int64{pid})
	require.NoError(t, err)
	require.Len(t, samples, 1)
	require.NotNil(t, samples[0].Process)
	return samples[0]
}

// see samples one real process.
func see(t require.TestingT, pid int64) ports.Sample { return look(t, New("/proc"), pid) }

// alive samples one real process, which must be there with all its values.
func alive(t require.TestingT, pid int64) ports.Sample {
	sample := see(t, pid)
	require.Equal(t, domain.ProcessOK, sample.Process.Status)
	requireFull(t, sample)
	return sample
}

func requireFull(t require.TestingT, sample ports.Sample) {
	p := sample.Process
	require.NotNil(t, sample.CPUTicks)
	require.NotNil(t, p.State)
	require.NotNil(t, p.StartTicks)
	require.NotNil(t, p.StartedAt)
	require.NotNil(t, p.Threads)
	require.NotNil(t, p.RSSBytes)
	require.NotNil(t, p.ChildrenCPUTicks)
	require.NotNil(t, p.TreeCPUTicks)
	require.NotNil(t, p.TreeProcesses)
	require.NotNil(t, p.SampledBoottimeMS)
}

// eventually waits until a condition on a real process holds, which is there.
func eventually(t *testing.T, pid int64, holds func(ports.Sample) bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		sample := see(t, pid)
		requireFull(t, sample)
		if holds(sample) {
			return
		}
		require.True(t, time.Now().Before(deadline), "it came true")
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}
