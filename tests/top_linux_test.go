package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// screen is a real terminal of 80 x 24 in which a shell runs.
type screen struct {
	t      *testing.T
	server string
}

// openScreen opens a terminal whose shell has these variables besides.
func openScreen(t *testing.T, env ...string) *screen {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("needs tmux, as a terminal (Debian: apt-get install tmux)")
	}
	s := &screen{t, filepath.Join(t.TempDir(), "tmux")}
	s.tmux(append([]string{"-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "env", "-C", t.TempDir(), "PS1=$ ", "ENV="}, append(env, "sh")...)...)
	t.Cleanup(func() { s.tmux("kill-server") })
	return s
}

func (s *screen) tmux(args ...string) string {
	s.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", s.server}, args...)...).CombinedOutput()
	require.NoError(s.t, err, "%s: %s", args, out)
	return string(out)
}

func (s *screen) keys(keys ...string) {
	s.t.Helper()
	s.tmux(append([]string{"send-keys"}, keys...)...)
}

func (s *screen) text() string { s.t.Helper(); return s.tmux("capture-pane", "-p") }

// until waits until the screen has a text, and returns all of it.
func (s *screen) until(text string) string {
	s.t.Helper()
	var last string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if last = s.text(); strings.Contains(last, text) {
			return last
		}
	}
	require.Fail(s.t, "in vain: "+text, last)
	return ""
}

// TestTop: in a real terminal, of a running service: what the page shows, keys, a
// service that goes away, and a terminal that is left as it was.
func TestTop(t *testing.T) {
	t.Parallel()
	service := startService(t, nil, "serve", "--fixture=scenario:zombie", "--fixture-step=request", "--fixture-loop")
	s := openScreen(t)
	s.keys(program(t)+" top --every 200ms --url "+service.url+"; echo status $?", "Enter")
	shown := s.until("TICKET")
	lines := strings.Split(strings.TrimSuffix(shown, "\n"), "\n")
	assert.Len(t, lines, 24)
	assert.Contains(t, lines[0], service.url)
	assert.Contains(t, shown, " q quit  / find  s sort: job")
	assert.Contains(t, shown, "developer")
	s.until("▲ not waited for")
	assert.Contains(t, s.tmux("display-message", "-p", "#{alternate_on}"), "1")

	s.keys("s")
	s.until("s sort: cpu")
	s.keys("/", "nobody")
	s.until("None is what is looked for.")
	s.keys("Escape")
	s.until(" q quit") // else the next key would be one with Alt
	s.keys("?")
	s.until("What an agent does")
	s.keys("?")
	s.tmux("resize-window", "-x", "150", "-y", "30")
	s.until("MODEL")

	require.NoError(t, service.cmd.Process.Signal(syscall.SIGTERM))
	s.until("✕ no answer for")
	assert.Contains(t, s.text(), "developer", "what was known stays")

	s.keys("q")
	left := s.until("status 0")
	assert.NotContains(t, left, "TICKET", "the screen is as it was")
	assert.Contains(t, s.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}"), "0 1")
	s.keys("stty -a | grep -c ' echo '", "Enter")
	s.until("\n1\n")
}

// TestTop_WithoutColours: NO_COLOR takes the colours, and nothing of what is told; of
// what the settings name, without a service.
func TestTop_WithoutColours(t *testing.T) {
	t.Parallel()
	coloured := func(env ...string) (colours bool, text string) {
		s := openScreen(t, append(env, "ORCH_DB=/nowhere/orchestrator.db")...)
		s.keys(program(t)+" top", "Enter")
		text = s.until("agents, cost, queue, stages: failed, db_missing")
		raw := s.tmux("capture-pane", "-p", "-e")
		s.keys("C-c")
		s.until("$ ")
		return strings.Contains(raw, "\x1b[31m") || strings.Contains(raw, "\x1b[1;31m") || strings.Contains(raw, ";31m"), text
	}
	with, text := coloured()
	without, same := coloured("NO_COLOR=1")
	assert.True(t, with)
	assert.False(t, without)
	for _, shown := range []string{text, same} {
		assert.Contains(t, shown, "▲ 1 problem")
		assert.Contains(t, shown, "agents unknown · tasks unknown")
	}
}

// TestTop_IsStopped: a signal ends it as a key does.
func TestTop_IsStopped(t *testing.T) {
	t.Parallel()
	s := openScreen(t)
	pid := filepath.Join(t.TempDir(), "pid")
	s.keys(fmt.Sprintf("sh -c 'echo $$ > %s; exec %s top'; echo status $?", pid, program(t)), "Enter")
	s.until("agents unknown")
	text, err := os.ReadFile(pid)
	require.NoError(t, err)
	number, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(number, syscall.SIGTERM))
	left := s.until("status 0")
	assert.NotContains(t, left, "agents unknown")
	assert.Contains(t, s.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}"), "0 1")
}

// TestTop_WithoutATerminal says what would do.
func TestTop_WithoutATerminal(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), program(t), "top")
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	assert.Equal(t, "api: top: this is no terminal; api snapshot prints the same once, and api record again and again\n", string(out))
}

// TestTerminal: doctor and snapshot have colours and keep to the width where a terminal
// is there, and none in a pipe; a long recording says how far it is.
func TestTerminal(t *testing.T) {
	t.Parallel()
	s := openScreen(t, "ORCH_DB=/nowhere/orchestrator.db", "api="+program(t))
	s.keys("clear; $api doctor; echo end $?", "Enter")
	shown := s.until("end 2")
	assert.Contains(t, shown, "\n                → check ORCH_DB", "what to do has a line of its own")
	assert.Contains(t, s.tmux("capture-pane", "-p", "-e"), "\x1b[1m\x1b[31m✗")
	s.keys("clear; $api doctor | grep -c ' → check ORCH_DB'; $api doctor | grep -c \"$(printf '\\033')\"; echo piped $?", "Enter")
	assert.Contains(t, s.until("piped 1"), "1\n0\npiped", "in a pipe a check is a line")

	s.keys("clear; $api snapshot --section=agents 2> log; echo coloured $?", "Enter")
	assert.Contains(t, s.until("coloured 0"), `"agents": {`)
	assert.Contains(t, s.tmux("capture-pane", "-p", "-e"), "\x1b[3", "colours")
	s.keys("clear; NO_COLOR=1 $api snapshot --section=agents 2> log; echo plain $?", "Enter")
	s.until("plain 0")
	assert.NotContains(t, s.tmux("capture-pane", "-p", "-e"), "\x1b[3")
	s.keys("clear; $api snapshot --section=agents 2> log | head -n 2; echo cut $?", "Enter")
	assert.Contains(t, s.until("cut 0"), "{\n  \"schema_version\": 1,\n", "in a pipe as ever")

	s.keys("clear; $api record --every 200ms --for 4s > file; wc -l < file; echo finished", "Enter")
	assert.Regexp(t, `recorded \d+ answers in [1-4]s, \d+s left`, s.until(" left"))
	assert.NotContains(t, s.until("\nfinished"), "answers in")
}
