package tests

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestCompletion: real shells at a real terminal complete a command, a flag and
// a flag's value.
func TestCompletion(t *testing.T) {
	t.Parallel()
	bin := filepath.Dir(program(t))
	for shell, start := range map[string][]string{
		"bash": {"--norc", "--noprofile", "-i"},
		"zsh":  {"-f", "-i"},
	} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			path, err := exec.LookPath(shell)
			if err != nil {
				t.Skip("needs " + shell + " (Debian: apt-get install " + shell + ")")
			}
			term := openTerminal(t, bin, path, start...)
			if shell == "zsh" {
				term.types("autoload -Uz compinit && compinit -D\r")
			}
			term.types("source <(api completion " + shell + ")\r")
			for typed, want := range map[string]string{
				"api snapsh":                "snapshot",
				"api snapshot --compa":      "--compact",
				"api serve --recount-b":     "--recount-budget",
				"api serve --web.listen":    "--web.listen-address",
				"api completion fis":        "fish",
				"api serve --log-format js": "json",
			} {
				term.completes(typed, want)
			}
		})
	}
	t.Run("fish", func(t *testing.T) {
		t.Parallel()
		path, err := exec.LookPath("fish")
		if err != nil {
			t.Skip("needs fish (Debian: apt-get install fish)")
		}
		cmd := exec.CommandContext(t.Context(), path, "--no-config", "-c",
			"api completion fish | source; complete -C 'api snapsh'; complete -C 'api snapshot --compa'")
		cmd.Env = shellEnv(t, bin)
		got, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", got)
		assert.Equal(t, []string{"snapshot", "--compact"}, strings.Fields(string(got)))
	})
}

// TestCompletion_Aliases: each name of a flag, and its values.
func TestCompletion_Aliases(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"api serve --web.": "--web.config.file --web.listen-address --web.systemd-socket",
		"api serve --syst": "--systemd-socket",
	} {
		cmd := exec.CommandContext(t.Context(), program(t))
		cmd.Env = []string{"COMP_LINE=" + line}
		got, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", got)
		names := strings.Fields(string(got))
		slices.Sort(names)
		assert.Equal(t, want, strings.Join(names, " "))
	}
}

// TestCompletion_TouchesNothing: a shell asks at each keystroke, whatever the
// settings are.
func TestCompletion_TouchesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".env"), []byte("ORCH_DB='broken\n"), 0o600))
	cmd := exec.CommandContext(t.Context(), program(t))
	cmd.Dir = dir
	cmd.Env = []string{"COMP_LINE=api fix", "ORCH_MAX_ROWS=many"}
	got, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", got)
	assert.Equal(t, "fixtures\n", string(got))
}

func shellEnv(t *testing.T, bin string) []string {
	t.Helper()
	return []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TERM=dumb", "PS1=$ ", "LC_ALL=C"}
}

// terminal is a shell at a pseudo-terminal, see pty(7).
type terminal struct {
	t    *testing.T
	pty  *os.File
	seen bytes.Buffer
}

// openPTY makes a pseudo-terminal: what a window reads and writes, and what is a
// terminal for a program.
func openPTY(t *testing.T) (pty, tty *os.File) {
	t.Helper()
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no pseudo-terminals: ", err)
	}
	t.Cleanup(func() { _ = pty.Close() }) // hangs up
	control, err := pty.SyscallConn()
	require.NoError(t, err)
	number := 0
	require.NoError(t, control.Control(func(fd uintptr) {
		require.NoError(t, unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0))
		number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		require.NoError(t, err)
	}))
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	return pty, tty
}

func openTerminal(t *testing.T, bin, shell string, args ...string) *terminal {
	t.Helper()
	pty, tty := openPTY(t)
	cmd := exec.CommandContext(t.Context(), shell, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = shellEnv(t, bin)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	require.NoError(t, tty.Close())
	t.Cleanup(func() {
		_ = pty.Close() // hangs up
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &terminal{t: t, pty: pty}
}

func (s *terminal) types(text string) {
	s.t.Helper()
	_, err := s.pty.WriteString(text)
	require.NoError(s.t, err)
}

// completes types the beginning of a command line and a tab, lets echo print
// what has become of it, and waits for what it should be.
func (s *terminal) completes(typed, want string) {
	s.t.Helper()
	mark := fmt.Sprintf("<%d>", s.seen.Len())
	s.types("\x15" + typed + "\t")
	s.await(typed[:strings.LastIndex(typed, " ")+1]+want, "typed "+typed)
	s.types("\x15echo '" + mark + "'\r") // a line of its own for the next
	s.await(mark, "echo")
}

// await reads what the shell prints until it has printed a text.
func (s *terminal) await(text, what string) {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	from := s.seen.Len()
	for !strings.Contains(s.seen.String()[from:], text) {
		require.NoError(s.t, s.pty.SetReadDeadline(deadline))
		chunk := make([]byte, 4096)
		n, err := s.pty.Read(chunk)
		require.NoError(s.t, err, "%s: %q", what, s.seen.String()[from:])
		s.seen.Write(chunk[:n])
	}
}
