package demo_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// childDemo starts a demo in another process, and returns the path of its
// database once it is up.
func childDemo(t *testing.T, environment ...string) (*exec.Cmd, string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	child := exec.Command(self)
	child.Env = append(os.Environ(), childVariable+"="+filepath.Join(t.TempDir(), "demo"))
	child.Env = append(child.Env, environment...)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	t.Cleanup(func() { _ = child.Process.Kill() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	require.NoError(t, err)
	var path string
	require.NoError(t, json.Unmarshal(line, &path))
	return child, path
}

func killAndAwait(t *testing.T, child *exec.Cmd, agents []process) {
	t.Helper()
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	for _, p := range agents {
		require.Eventually(t, func() bool { return !look(p.pid).alive() },
			patient, often, "%s agent %d lives on", p.kind, p.pid)
	}
}

// TestKilledDemo kills a demo that has no time to clean up.
func TestKilledDemo(t *testing.T) {
	child, path := childDemo(t)
	agents := wholeFamily(t, child.Process.Pid)
	require.Len(t, agents, 5)
	require.Len(t, runningPIDs(t, reader(t, path)), 4)
	killAndAwait(t, child, agents)
}

// TestKilledDemoOfDeafAgents leaves it to the kernel alone: these agents do not
// listen to their pipes.
func TestKilledDemoOfDeafAgents(t *testing.T) {
	child, _ := childDemo(t, agentsVariable+"="+deaf(t))
	agents := childrenOf(t, child.Process.Pid)
	require.Len(t, agents, 4)
	killAndAwait(t, child, agents)
}

// deaf makes a program that sleeps whatever it is told.
func deaf(t *testing.T) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "deaf")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\nexec sleep 60\n"), 0o700))
	return script
}
