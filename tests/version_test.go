package tests

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// versionsBuilt builds the program as people do, in a repository of its own, and asks
// what it was built from.
func versionsBuilt(t *testing.T, root string) {
	t.Helper()
	require.NoError(t, os.RemoveAll(filepath.Join(root, ".git")))
	own := newGit(t)
	git := func(args ...string) string {
		args = append([]string{"-c", "user.name=nobody", "-c", "user.email=nobody@localhost"}, args...)
		return strings.TrimSpace(string(own.run(t, root, nil, args...)))
	}
	asked := func(flags ...string) (printed, served string) {
		runIn(t, root, "go", append(append([]string{"build", "-o", "bin/api"}, flags...), "./cmd/api")...)
		printed = string(runIn(t, t.TempDir(), filepath.Join(root, "bin", "api"), "version"))
		var envelope struct{ Instance struct{ Version string } }
		require.NoError(t, json.Unmarshal(runIn(t, t.TempDir(), filepath.Join(root, "bin", "api"), "snapshot"), &envelope))
		return printed, envelope.Instance.Version
	}

	printed, served := asked("-buildvcs=auto")
	assert.Regexp(t, `^orchmetrics devel \(commit unknown of unknown, go1\.\S+, \w+/\w+\)\n$`, printed, "outside git")
	assert.Equal(t, "devel", served)

	git("init", "--quiet")
	git("add", ".")
	git("commit", "--quiet", "--message=all", "--date=2001-01-01T00:00:00Z")
	git("tag", "v0.8.7")
	commit := git("rev-parse", "HEAD")[:12]
	printed, served = asked("-buildvcs=true")
	assert.Regexp(t, `^orchmetrics v0\.8\.7 \(commit `+commit+` of 20[0-9-]{8}T[0-9:]{8}Z, go1`, printed)
	assert.Regexp(t, `^v0\.8\.7\+`+commit+`\.20[0-9]{6}T[0-9]{6}Z$`, served, "the same at a tag, as SemVer")

	require.NoError(t, os.WriteFile(filepath.Join(root, "doc.go"), []byte("package orchmetrics\n"), 0o600))
	printed, _ = asked("-buildvcs=true")
	assert.Contains(t, printed, "(commit "+commit+"-dirty of ", "with a file that is not committed")
	git("checkout", "--quiet", "doc.go")

	// What a packager says, as `make static` hands it on.
	flags := regexp.MustCompile(`-X main\.\w+=\S+`).FindAllString(
		makes(t, root, "static", "VERSION=v1.0.0", "COMMIT=0123456789ab", "DATE=2026-06-01T12:00:00Z"), -1)
	require.Len(t, flags, 3)
	printed, served = asked("-ldflags=-w " + strings.Join(flags, " "))
	assert.Contains(t, printed, "orchmetrics v1.0.0 (commit 0123456789ab of 2026-06-01T12:00:00Z, go1")
	assert.Equal(t, "v1.0.0+0123456789ab.20260601T120000Z", served)
}

// makes returns the commands that a target would run.
func makes(t *testing.T, root string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("needs make (Debian: apt-get install make)")
	}
	return string(runIn(t, root, "make", append([]string{"--dry-run"}, args...)...))
}
