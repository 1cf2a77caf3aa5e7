package deploy

import (
	"crypto/sha256"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the builds of these tests say of themselves.
const (
	version = "v0.1.2"
	commit  = "0123456789ab"
	date    = "2026-06-01T12:00:00Z"
)

// buildContext lists the files of a directory that .dockerignore lets through.
func buildContext(t *testing.T, root string) []string {
	t.Helper()
	ignore, err := os.Open("../../.dockerignore")
	require.NoError(t, err)
	defer ignore.Close()
	patterns, err := ignorefile.ReadAll(ignore)
	require.NoError(t, err)
	matcher, err := patternmatcher.New(patterns)
	require.NoError(t, err)
	var names []string
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, _ := filepath.Rel(root, path)
		ignored, err := matcher.MatchesOrParentMatches(name)
		switch {
		case err != nil:
			return err
		case ignored && entry.IsDir() && !matcher.Exclusions():
			return fs.SkipDir
		case !ignored && entry.Type().IsRegular():
			names = append(names, name)
		}
		return nil
	}))
	return names
}

// buildAsDocker copies what Docker is sent, runs the commands of the build stage
// in it, and returns the directory.
func buildAsDocker(t *testing.T, d dockerfile) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range buildContext(t, "../..") {
		text, err := os.ReadFile(filepath.Join("../..", name))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), text, 0o644))
	}
	for _, command := range d.runs {
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", command)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "VERSION="+version, "COMMIT="+commit, "DATE="+date)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", command, out)
		assert.NotContains(t, string(out), "warning", "the linker warns of what a static binary would still look for")
	}
	return root
}

// TestStatic: the commands of Dockerfile give one file that needs no other, knows
// what it was built from, and is the same wherever it is built.
func TestStatic(t *testing.T) {
	d := parseDockerfile(t)
	built := filepath.Join(buildAsDocker(t, d), "bin", "api")

	file, err := elf.Open(built)
	require.NoError(t, err)
	defer file.Close()
	for _, segment := range file.Progs {
		assert.NotEqual(t, elf.PT_INTERP, segment.Type, "it asks for a loader")
	}
	libraries, err := file.ImportedLibraries()
	require.NoError(t, err)
	assert.Empty(t, libraries)
	out, _ := exec.CommandContext(t.Context(), "ldd", built).CombinedOutput() // and its own word, which is an error status
	assert.Regexp(t, `not a dynamic executable|statically linked`, string(out))

	printed, err := exec.CommandContext(t.Context(), built, "version").Output()
	require.NoError(t, err)
	assert.Regexp(t, `^orchmetrics `+version+` \(commit `+commit+` of `+date+`, go1\.`, string(printed))

	cmd := exec.CommandContext(t.Context(), "make", "static", "VERSION="+version, "COMMIT="+commit, "DATE="+date)
	cmd.Dir = "../.."
	again, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", again)
	assert.Equal(t, sum(t, "../../bin/api"), sum(t, built), "the same source is the same file")

	info, err := os.Stat(built)
	require.NoError(t, err)
	t.Logf("the static binary has %.1f MB", float64(info.Size())/1e6)
}

func sum(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return fmt.Sprintf("%x", sha256.Sum256(content))
}
