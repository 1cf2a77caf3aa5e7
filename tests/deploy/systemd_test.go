package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const units = "../../deploy/systemd"

// systemdRoot is a file system with systemd's own units, ours and a program in
// its place: what systemd-analyze needs to judge them without a running systemd.
func systemdRoot(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("needs systemd-analyze (Debian: apt-get install systemd)")
	}
	root := t.TempDir()
	own, installed := filepath.Join(root, "lib/systemd/system"), filepath.Join(root, "etc/systemd/system")
	names, err := filepath.Glob("/lib/systemd/system/*.target")
	require.NoError(t, err)
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		put(t, filepath.Join(own, filepath.Base(name)), text, 0o644)
	}
	for _, name := range []string{"orchmetrics.service", "orchmetrics.socket", "orchmetrics@.service"} {
		text, err := os.ReadFile(filepath.Join(units, name))
		require.NoError(t, err)
		put(t, filepath.Join(installed, name), text, 0o644)
	}
	put(t, filepath.Join(root, "usr/local/bin/api"), []byte("#!/bin/sh\n"), 0o755)
	return root
}

func put(t *testing.T, path string, content []byte, mode os.FileMode) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, content, mode))
}

func analyze(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "systemd-analyze", append(args, "orchmetrics.service", "orchmetrics.socket", "orchmetrics@web.service")...)
	cmd.Env = append(os.Environ(), "SYSTEMD_COLORS=0")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestSystemd_Verify: systemd has nothing to say of the units, and would have of
// a misspelt one.
func TestSystemd_Verify(t *testing.T) {
	root := systemdRoot(t)
	out, err := analyze(t, "verify", "--man=no", "--root="+root)
	require.NoError(t, err, out)
	assert.Empty(t, out)

	service := filepath.Join(root, "etc/systemd/system/orchmetrics.service")
	text, err := os.ReadFile(service)
	require.NoError(t, err)
	put(t, service, append(text, "\n[Service]\nProtectClok=yes\n"...), 0o644)
	out, err = analyze(t, "verify", "--man=no", "--root="+root)
	assert.True(t, err != nil || out != "")
	assert.Contains(t, out, "ProtectClok")
}

// TestSystemd_Security: how much a service that was taken over could do is below
// 2.5 of 10.
func TestSystemd_Security(t *testing.T) {
	root := systemdRoot(t)
	cmd := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=25", "--root="+root, "orchmetrics.service")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	exposure := regexp.MustCompile(`Overall exposure level for orchmetrics\.service: ([0-9.]+)`).FindSubmatch(out)
	require.NotNil(t, exposure, "%s", out)
	level, err := strconv.ParseFloat(string(exposure[1]), 64)
	require.NoError(t, err)
	assert.Less(t, level, 2.5)
	t.Logf("systemd-analyze security: exposure %.1f", level)
}

// TestSystemd_Lines: what no analysis knows to be needed here.
func TestSystemd_Lines(t *testing.T) {
	service, err := os.ReadFile(filepath.Join(units, "orchmetrics.service"))
	require.NoError(t, err)
	for _, line := range []string{
		"ProtectProc=default", "ProcSubset=all", // the agents and the boot id are seen
		"ProtectSystem=strict",                                              // the database is not writable
		"Environment=ORCH_SYSTEMD_SOCKET=on", "Requires=orchmetrics.socket", // there is no other network
		"EnvironmentFile=-/etc/orchmetrics/orchmetrics.env",
	} {
		assert.Regexp(t, `(?m)^`+regexp.QuoteMeta(line)+`$`, string(service))
	}
	assert.NotRegexp(t, `(?m)^(ReadWritePaths|StateDirectory|RuntimeDirectory|LogsDirectory|CacheDirectory)=`, string(service))
	socket, err := os.ReadFile(filepath.Join(units, "orchmetrics.socket"))
	require.NoError(t, err)
	assert.Equal(t, []string{"ListenStream=127.0.0.1:9099"}, regexp.MustCompile(`(?m)^ListenStream=.*$`).FindAllString(string(socket), -1),
		"one socket, on loopback")
}
