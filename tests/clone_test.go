package tests

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clone returns a clean clone of the repository, for a test to change. What is
// not committed yet is brought along, and told of; what git ignores is not.
// Outside a git work tree, as in a source archive, it is a copy of the files.
func clone(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	to := filepath.Join(cloneDir(t, root), "orchmetrics")
	git := newGit(t)
	if why := git.unfit(root); why != "" {
		t.Logf("tested: a copy of the files, since %s", why)
		copyTree(t, root, to)
		return to
	}
	git.run(t, root, nil, "clone", "--quiet", "--no-hardlinks", root, to)
	changes := git.run(t, root, nil, "diff", "--binary", "HEAD")
	if len(changes) > 0 {
		git.run(t, to, changes, "apply", "--whitespace=nowarn", "-")
	}
	untracked := strings.FieldsFunc(string(git.run(t, root, nil, "ls-files", "-z", "--others", "--exclude-standard")), func(r rune) bool { return r == 0 })
	for _, name := range untracked {
		copyFile(t, filepath.Join(root, name), filepath.Join(to, name))
	}
	t.Logf("tested: a clone of %s, with %d bytes of uncommitted changes and %d files that are not tracked",
		bytes.TrimSpace(git.run(t, root, nil, "rev-parse", "HEAD")), len(changes), len(untracked))
	return to
}

// cloneDir is an empty directory that is the same at each run: Go compiles anew whatever
// lies elsewhere than the last time. It is one test's at a time, and empty after it.
func cloneDir(t *testing.T, root string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		return t.TempDir()
	}
	dir := filepath.Join(cache, fmt.Sprintf("orchmetrics-clone-%x", sha256.Sum256([]byte(root)))[:30])
	empty := func() {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, entry := range entries {
			require.NoError(t, os.RemoveAll(filepath.Join(dir, entry.Name())))
		}
	}
	require.NoError(t, os.MkdirAll(dir, 0o700))
	lock, err := os.Open(dir)
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	empty() // of what a run left that was killed
	t.Cleanup(func() {
		empty()
		_ = lock.Close()
	})
	return dir
}

// git runs git without the settings of whoever runs the test.
type git struct{ env []string }

func newGit(t *testing.T) git {
	t.Helper()
	config := filepath.Join(t.TempDir(), "gitconfig") // CI may own the files as another user
	require.NoError(t, os.WriteFile(config, []byte("[safe]\n\tdirectory = *\n"), 0o600))
	env := slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "GIT_") })
	return git{append(env, "GIT_CONFIG_GLOBAL="+config, "GIT_CONFIG_NOSYSTEM=1", "GIT_OPTIONAL_LOCKS=0")}
}

func (g git) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Env = dir, g.env
	return cmd
}

func (g git) run(t *testing.T, dir string, stdin []byte, args ...string) []byte {
	t.Helper()
	cmd := g.command(t.Context(), dir, args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "git %v: %s", args, &stderr)
	return out
}

// unfit says why a folder cannot be cloned; empty if it can.
func (g git) unfit(root string) string {
	if _, err := exec.LookPath("git"); err != nil {
		return "there is no git"
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	top, err := g.command(ctx, root, "rev-parse", "--show-toplevel").Output()
	resolved, linkErr := filepath.EvalSymlinks(root)
	switch {
	case err != nil || linkErr != nil:
		return "this is no git work tree"
	case strings.TrimSpace(string(top)) != resolved:
		return "the git work tree is another project's"
	case g.command(ctx, root, "rev-parse", "--verify", "--quiet", "HEAD").Run() != nil:
		return "nothing was committed yet"
	default:
		return ""
	}
}

// copyTree copies regular files, without those of folders that a dot hides.
func copyTree(t *testing.T, root, to string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.Type().IsRegular():
			relative, _ := filepath.Rel(root, path)
			copyFile(t, path, filepath.Join(to, relative))
		}
		return nil
	}))
}

// copyFile copies a file. One that another test has removed meanwhile is none of
// the project's.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o700))
	require.NoError(t, os.WriteFile(to, content, 0o600))
}

func runIn(t *testing.T, dir, name string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -ldflags=-w")) // nobody debugs what is built here
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s %v: %s%s", name, args, out, &stderr)
	return out
}

// TestClone_OutsideGit: a source archive has no history.
func TestClone_OutsideGit(t *testing.T) {
	t.Parallel()
	git, plain, empty := newGit(t), t.TempDir(), t.TempDir()
	require.Equal(t, "this is no git work tree", git.unfit(plain))
	git.run(t, empty, nil, "init", "--quiet")
	require.Equal(t, "nothing was committed yet", git.unfit(empty))
	require.NoError(t, os.Mkdir(filepath.Join(empty, "below"), 0o700))
	require.Equal(t, "the git work tree is another project's", git.unfit(filepath.Join(empty, "below")))

	require.NoError(t, os.Mkdir(filepath.Join(plain, "go"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(plain, "go", "a.go"), []byte("package a"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(plain, ".tools"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(plain, ".tools", "b"), nil, 0o600))
	to := t.TempDir()
	copyTree(t, plain, to)
	require.FileExists(t, filepath.Join(to, "go", "a.go"))
	require.NoFileExists(t, filepath.Join(to, ".tools", "b"))
}
