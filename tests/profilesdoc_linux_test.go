package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestProfilesPage_WalkThrough does what docs/profiles.md tells a newcomer to, step by
// step and literally: files are written as they stand, commands run, and what they print
// is what the page shows, but for what differs each time (…).
func TestProfilesPage_WalkThrough(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sqlite3"); err != nil {
		t.Skip("needs the sqlite3 program, which the page uses (Debian: apt-get install sqlite3)")
	}
	_, page, found := strings.Cut(read(t, "docs/profiles.md"), "\n## One of your own, in fifteen minutes\n")
	require.True(t, found)
	page, _, _ = strings.Cut(page, "\n## ")
	dir := t.TempDir()
	group := startGroup(t)
	ran, compared := 0, 0
	var printed string
	for _, block := range regexp.MustCompile("(?s)(?:<!-- (file|append): (\\S+) -->\n)?```(\\w+)\n(.*?)```").FindAllStringSubmatch(page, -1) {
		what, file, language, text := block[1], block[2], block[3], block[4]
		switch {
		case what == "file":
			require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
		case what == "append":
			before, err := os.ReadFile(filepath.Join(dir, file))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, file), append(before, text...), 0o600))
		case language == "sh":
			printed = group.run(t, dir, text)
			ran++
		case language == "text":
			assert.Regexp(t, pattern(text), printed)
			compared++
		}
	}
	assert.Equal(t, 5, ran)
	assert.Equal(t, 3, compared)
}

// pattern is a regular expression of a text, in which … stands for anything.
func pattern(text string) string {
	parts := strings.Split(strings.TrimSpace(text), "…")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return "(?s)^" + strings.Join(parts, ".*") + "\\s*$"
}

// shellGroup are the commands of a newcomer, and what they leave running.
type shellGroup struct{ pids []int }

func startGroup(t *testing.T) *shellGroup {
	t.Helper()
	g := &shellGroup{}
	t.Cleanup(func() {
		for _, pid := range g.pids {
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
	})
	return g
}

// run runs commands in a shell, with the program on the path, and returns what they print.
func (g *shellGroup) run(t *testing.T, dir, commands string) string {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out")) // not a pipe, which what goes on in the background would keep open
	require.NoError(t, err)
	defer out.Close()
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", commands)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(program(t))+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Run()
	if cmd.Process != nil {
		g.pids = append(g.pids, cmd.Process.Pid)
	}
	printed, readErr := os.ReadFile(out.Name())
	require.NoError(t, readErr)
	require.NoError(t, err, "%s\n%s", commands, printed)
	return string(printed)
}
