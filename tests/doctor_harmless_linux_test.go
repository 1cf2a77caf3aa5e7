package tests

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/doctor"
)

// TestDoctor_ChangesNothing: whatever state the database is in and whoever looks,
// no file comes, goes or changes.
func TestDoctor_ChangesNothing(t *testing.T) {
	t.Parallel()
	api := publicProgram(t)
	states := map[string]func(t *testing.T, db string){
		"live":    func(t *testing.T, db string) { startWriter(t, db).run("UPDATE tasks SET repo = 'web';") },
		"stopped": func(*testing.T, string) {},
		"crashed": func(t *testing.T, db string) { crash(t, db) },
		"crashed, without its index": func(t *testing.T, db string) {
			crash(t, db)
			require.NoError(t, os.Remove(db+"-shm"))
		},
		"missing": func(t *testing.T, db string) { require.NoError(t, os.Remove(db)) },
		"garbage": func(t *testing.T, db string) {
			require.NoError(t, os.WriteFile(db, []byte(strings.Repeat("x", 8192)), 0o644))
		},
		"empty":            func(t *testing.T, db string) { require.NoError(t, os.Truncate(db, 0)) },
		"rollback journal": func(t *testing.T, db string) { execute(t, db, "PRAGMA journal_mode = DELETE") },
		"a directory": func(t *testing.T, db string) {
			require.NoError(t, os.Remove(db))
			require.NoError(t, os.Mkdir(db, 0o755))
		},
		"without any table": func(t *testing.T, db string) {
			execute(t, db, "DROP TABLE tasks", "DROP TABLE jobs", "DROP TABLE agent_runs")
		},
	}
	users := map[string]struct {
		uid       uint32
		dir, file fs.FileMode
		forbidden bool
	}{
		"the owner":                           {0, 0o755, 0o644, false},
		"another, who may read":               {65534, 0o755, 0o644, false},
		"another, who may write in it":        {65534, 0o777, 0o644, true},
		"another, who may not read the files": {65534, 0o755, 0o600, true},
		"another, who may not enter":          {65534, 0o700, 0o644, true},
	}
	for state, arrange := range states {
		for who, user := range users {
			t.Run(state+", "+who, func(t *testing.T) {
				t.Parallel()
				if user.uid != 0 && os.Geteuid() != 0 {
					t.Skip("only root can run programs as another user")
				}
				db, env := wellHost(t)
				dir := filepath.Dir(db)
				arrange(t, db)
				grant(t, dir, user.dir, user.file)
				before := imprint(t, dir, user.uid)
				found := surgery{program: api, dir: "/", env: env, uid: user.uid}.examine(t, "--json")
				assert.Equal(t, before, imprint(t, dir, user.uid))
				report := found.report(t)
				if user.forbidden && state != "missing" && state != "empty" && state != "a directory" {
					assert.Equal(t, 2, found.status)
					assert.Equal(t, doctor.Failed, of(t, report, "permissions").Status, found.stdout)
				}
				if who == "another, who may write in it" && state == "live" {
					assert.Contains(t, of(t, report, "permissions").Message, "would lock the orchestrator out")
				}
			})
		}
	}
}

// imprint is all of a directory that somebody could change, its own times
// included: they change when a file comes or goes. What root opens beside a
// database SQLite gives to its owner: if it was his, only the time of that differs.
func imprint(t *testing.T, dir string, uid uint32) map[string]string {
	t.Helper()
	found := map[string]string{}
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		require.NoError(t, err)
		info, err := os.Lstat(path)
		require.NoError(t, err)
		stat := info.Sys().(*syscall.Stat_t)
		var content []byte
		if info.Mode().IsRegular() {
			content, err = os.ReadFile(path)
			require.NoError(t, err)
		}
		if uid == 0 && os.Geteuid() == 0 {
			stat.Ctim = syscall.Timespec{}
		}
		found[path] = fmt.Sprintf("%s %d:%d inode %d, %d bytes, %s, changed %v, %x",
			info.Mode(), stat.Uid, stat.Gid, stat.Ino, info.Size(), info.ModTime(), stat.Ctim, sha256.Sum256(content))
		return nil
	})
	return found
}
