package chaos

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// user is whom a process runs as.
type user struct {
	uid, gid int
}

// The users of the cases that need several. They need no entry in /etc/passwd.
var (
	alice = user{61001, 61001} // runs the orchestrator
	bob   = user{61002, 61002}
	root  = user{0, 0}
)

// self is who runs the tests.
func self() user { return user{os.Geteuid(), os.Getegid()} }

// owner is who runs the orchestrator: where the tests may choose, not root.
func owner() user {
	if self() == root {
		return alice
	}
	return self()
}

// become makes a command run as the user, without any other group.
func (u user) become(cmd *exec.Cmd) {
	if u == self() {
		return
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(u.uid), Gid: uint32(u.gid)}
}

// place is a directory with a database in it, which other users can reach.
type place struct {
	dir, db string
	owner   user
}

// newPlace makes an empty directory. Those of testing.T are closed to others.
func newPlace(t *testing.T, owner user) *place {
	t.Helper()
	dir, err := os.MkdirTemp("", "orchmetrics-chaos-") //nolint:usetesting // other users read it
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	if owner != self() {
		require.NoError(t, os.Chown(dir, owner.uid, owner.gid))
	}
	return &place{dir: dir, db: filepath.Join(dir, "orchestrator.db"), owner: owner}
}

// seeded makes a place with a WAL database at rest in it, of the orchestrator's
// schema with a task, a running job and its run. The task's repo says which
// state of the database one sees.
func seeded(t *testing.T) *place {
	t.Helper()
	p := newPlace(t, owner())
	p.seed(t)
	return p
}

const seed = `
INSERT INTO tasks (id, work_item_id, repo, stage, updated_at) VALUES (7, 'ORCH-7', 'first', 'development', datetime('now', '-20 minutes'));
INSERT INTO jobs (id, agent, status, attempts, run_id, started_at) VALUES
	(1, 'developer', 'running', 2, 1, datetime('now', '-10 minutes')), (2, 'reviewer', 'queued', 0, NULL, NULL);
INSERT INTO agent_runs (id, model, effort, input_tokens) VALUES (1, 'claude-opus-4-8', 'high', 1000);`

func (p *place) seed(t *testing.T) {
	t.Helper()
	o := start(t, p)
	o.run("PRAGMA journal_mode=WAL;")
	o.run("BEGIN;%s%s\nCOMMIT;", schema(t), seed)
	o.stop()
}

func schema(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("..", "testdata", "schema.sql"))
	require.NoError(t, err)
	return string(script)
}

// write puts content into a file of the owner's.
func (p *place) write(t *testing.T, path string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, content, 0o644))
	if p.owner != self() {
		require.NoError(t, os.Chown(path, p.owner.uid, p.owner.gid))
	}
}

// remove removes files of the place.
func (p *place) remove(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		require.NoError(t, os.RemoveAll(path))
	}
}

// fingerprint describes the directory and every file in it: all that stat tells
// but the time of access, and the content.
func (p *place) fingerprint(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{".": describe(t, p.dir)}
	entries, err := os.ReadDir(p.dir)
	require.NoError(t, err)
	for _, entry := range entries {
		found[entry.Name()] = describe(t, filepath.Join(p.dir, entry.Name()))
	}
	return found
}

// fingerprintForRoot leaves out when a file's attributes were last set: SQLite,
// run as root, sets the owner of what it opens beside a database to what it is.
func (p *place) fingerprintForRoot(t *testing.T) map[string]string {
	t.Helper()
	found := p.fingerprint(t)
	for name, text := range found {
		found[name] = regexp.MustCompile(` changed \S+`).ReplaceAllString(text, "")
	}
	return found
}

func describe(t *testing.T, path string) string {
	t.Helper()
	var s syscall.Stat_t
	require.NoError(t, syscall.Lstat(path, &s))
	text := fmt.Sprintf("mode %o links %d inode %d owner %d:%d size %d modified %d.%09d changed %d.%09d",
		s.Mode, s.Nlink, s.Ino, s.Uid, s.Gid, s.Size, s.Mtim.Sec, s.Mtim.Nsec, s.Ctim.Sec, s.Ctim.Nsec)
	if s.Mode&syscall.S_IFMT == syscall.S_IFREG {
		content, err := os.ReadFile(path) // by no process that has SQLite's locks on it
		require.NoError(t, err)
		text += fmt.Sprintf(" content %x", sha256.Sum256(content))
	}
	return text
}
