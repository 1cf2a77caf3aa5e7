package tests

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDemo_ClosedTerminal: who closes the window instead of pressing Ctrl-C leaves
// nothing behind either.
func TestDemo_ClosedTerminal(t *testing.T) {
	t.Parallel()
	window, terminal := openPTY(t)
	temporary := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program(t), "demo", "--tick=100ms", "--listen=127.0.0.1:0")
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) // else it is ignored there, too, where it is here: under nohup
	require.NoError(t, cmd.Start())
	require.NoError(t, terminal.Close())
	lines, url := bufio.NewReader(window), ""
	for url == "" {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		if found := regexp.MustCompile(`^(http://\S+)/metrics\r\n$`).FindStringSubmatch(line); found != nil {
			url = found[1]
		}
	}
	transport := &http.Transport{}
	s := &service{url: url, cmd: cmd, client: &http.Client{Transport: transport}}
	var pids []int
	require.Eventually(t, func() bool {
		for _, agent := range s.metrics(t)["agents"].([]any) {
			if pid, spawned := agent.(map[string]any)["pid"].(float64); spawned {
				pids = append(pids, int(pid))
			}
		}
		return slices.ContainsFunc(pids, ignoresTheTerminal)
	}, time.Minute, 50*time.Millisecond, "the agents are left for the demo to end")
	transport.CloseIdleConnections()
	left, err := filepath.Glob(filepath.Join(temporary, "orch-demo-*"))
	require.NoError(t, err)
	require.Len(t, left, 1)

	require.NoError(t, window.Close())
	require.NoError(t, cmd.Wait(), "it ends in order")
	left, err = filepath.Glob(filepath.Join(temporary, "*"))
	require.NoError(t, err)
	assert.Empty(t, left)
	for _, pid := range pids {
		assert.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH, "an agent is left")
	}
}

// ignoresTheTerminal tells whether a process ignores SIGHUP and SIGINT, which every
// process of a terminal gets.
func ignoresTheTerminal(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	_, mask, _ := strings.Cut(string(status), "\nSigIgn:\t")
	ignored, err := strconv.ParseUint(mask[:16], 16, 64)
	return err == nil && ignored&3 == 3
}

// TestServe_HangUp: SIGHUP is what a closed terminal sends. It stops the service as
// SIGTERM does, unless nohup has it ignored.
func TestServe_HangUp(t *testing.T) {
	t.Parallel()
	s := startService(t, nil, "serve")
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGHUP))
	state, err := s.cmd.Process.Wait()
	require.NoError(t, err)
	assert.True(t, state.Success(), state)

	s = startProgram(t, "nohup", nil, program(t), "serve")
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGHUP))
	for range 10 {
		status, _ := s.get(t, "/livez")
		assert.Equal(t, http.StatusOK, status)
		time.Sleep(10 * time.Millisecond) // a slow machine makes this test weaker, not fail
	}
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	state, err = s.cmd.Process.Wait()
	require.NoError(t, err)
	assert.True(t, state.Success(), state)
}
