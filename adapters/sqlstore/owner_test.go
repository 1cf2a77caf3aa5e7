package sqlstore

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// stranger is a user who owns nothing.
const stranger = 65534

// readAs reads the database in a process of another user.
func readAs(t *testing.T, uid uint32, program, path string) outcome {
	t.Helper()
	cmd := self(t, roleRead, path)
	cmd.Path = program
	cmd.Dir = "/"
	cmd.Env = append(cmd.Env, "HOME=/", "TMPDIR=/tmp")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	text, err := cmd.Output()
	require.NoError(t, err)
	var told outcome
	require.NoError(t, json.Unmarshal(text, &told))
	return told
}

// publicProgram is a copy of this binary that everybody may execute.
func publicProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(public(t), "program")
	from, err := os.Open(os.Args[0])
	require.NoError(t, err)
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(to, from)
	require.NoError(t, err)
	require.NoError(t, to.Close())
	return path
}

// public is a directory that everybody may enter.
func public(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, part := range []string{dir, filepath.Dir(dir)} {
		require.NoError(t, os.Chmod(part, 0o755))
	}
	return dir
}

func TestAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	const none = domain.Code("")
	program := publicProgram(t)
	for name, c := range map[string]struct {
		dir, file os.FileMode
		live      bool
		code      domain.Code
	}{
		"may only read, at rest":                   {0o755, 0o644, false, none},
		"may only read, live":                      {0o755, 0o644, true, none},
		"may write the files, not the directory":   {0o755, 0o666, true, none},
		"may write the directory, at rest":         {0o777, 0o644, false, domain.CodeDBPermission},
		"may write the directory, live":            {0o777, 0o644, true, domain.CodeDBPermission},
		"may write all but in a sticky directory":  {0o777 | os.ModeSticky, 0o644, false, domain.CodeDBPermission},
		"may not read the database":                {0o755, 0o600, false, domain.CodeDBPermission},
		"may not read the database, which is live": {0o755, 0o600, true, domain.CodeDBPermission},
		"may not enter the directory":              {0o700, 0o644, false, domain.CodeDBPermission},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(public(t), "orch.db")
			createDB(t, path, walMode, script(t, "schema.sql"), script(t, "busy.sql"))
			require.NoError(t, os.Chmod(path, c.file))
			var writer *writer
			if c.live {
				writer = startWriter(t, path)
				writer.run("UPDATE tasks SET repo = 'web' WHERE id = 7")
			}
			require.NoError(t, os.Chmod(filepath.Dir(path), c.dir))
			requireUntouched(t, path, func() {
				got := readAs(t, stranger, program, path)
				if c.code == none {
					assert.Equal(t, outcome{Tasks: 4}, got)
				} else {
					assert.Equal(t, outcome{Code: c.code}, got)
				}
			})
			if writer != nil {
				writer.run("INSERT INTO tasks (stage) VALUES ('s')")
				writer.stop()
			}
		})
	}
}

// TestRootBesideAnotherOwner: the usual case of a service that runs as root, by
// the rules or not.
func TestRootBesideAnotherOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	path := newDB(t, walMode, script(t, "busy.sql"))
	require.NoError(t, os.Chown(path, stranger, stranger))
	require.NoError(t, os.Chown(filepath.Dir(path), stranger, stranger))
	requireUntouched(t, path, func() { requireTasks(t, 4, newStore(t, path)) })
	startWriter(t, path).run("UPDATE tasks SET repo = 'web' WHERE id = 7")
	requireUntouched(t, path, func() { requireTasks(t, 4, newStore(t, path)) })
}
