package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/contract/contracttest"
	"github.com/orchmetrics/orchmetrics/demo"
)

func TestMain(m *testing.M) {
	if demo.RunAgent() {
		return
	}
	goleak.VerifyTestMain(m)
}

// call runs one command line in an empty directory, with no setting of the
// tests' own environment.
func call(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, &out, &errs)
	return status, out.String(), errs.String()
}

// isolated gives the test a working directory of its own, and an environment
// without settings, which also undoes what a .env file sets.
func isolated(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "ORCH_") {
			t.Setenv(name, value) // restored at the end
			require.NoError(t, os.Unsetenv(name))
		}
	}
}

// TestDefaultConfig: a program that embeds the service begins with the settings
// that the command line begins with.
func TestDefaultConfig(t *testing.T) {
	isolated(t)
	var c cli
	parser, err := newParser(&c)
	require.NoError(t, err)
	_, err = parser.Parse(nil)
	require.NoError(t, err)
	assert.Equal(t, c.Config, orchmetrics.DefaultConfig())
}

func TestSnapshot_WithoutDatabase(t *testing.T) {
	isolated(t)
	status, stdout, stderr := call(t, "snapshot")
	assert.Equal(t, exitOK, status, "degraded sections are no failure of the program")
	var envelope map[string]any
	contracttest.Validate(t, []byte(stdout))
	require.NoError(t, json.Unmarshal([]byte(stdout), &envelope))
	assert.Nil(t, envelope["queue"])
	assert.Contains(t, stdout, "\n  \"schema_version\": 1,\n")
	assert.Contains(t, stderr, "code=db_missing")
}

func TestSnapshot_Flags(t *testing.T) {
	isolated(t)
	status, stdout, _ := call(t, "snapshot", "--compact", "--section=stages", "--section", "queue")
	assert.Equal(t, exitOK, status)
	assert.Equal(t, 1, strings.Count(stdout, "\n"))
	assert.Contains(t, stdout, `"stages":[]`)
	assert.NotContains(t, stdout, `"agents"`)

	status, _, stderr := call(t, "snapshot", "--strict")
	assert.Equal(t, exitDegraded, status)
	assert.Contains(t, stderr, "api: a section is not ok: stages is failed")

	status, _, stderr = call(t, "snapshot", "--section=stage")
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, stderr, `unknown section "stage"; there are stages, queue, agents, cost`)
}

func TestSnapshot_StrictOK(t *testing.T) {
	isolated(t)
	status, _, stderr := call(t, "snapshot", "--strict", "--sections-disabled=stages,queue,agents,cost")
	assert.Equal(t, exitOK, status, stderr)
}

func TestKillSwitch_Spellings(t *testing.T) {
	isolated(t)
	off := `{"schema_version":1,"enabled":false}` + "\n"
	for _, spelling := range []string{"0", "false", "f", "no", "n", "off", "OFF", "False", "nO"} {
		t.Setenv("ORCH_METRICS_ENABLED", spelling)
		status, stdout, stderr := call(t, "snapshot", "--compact")
		assert.Equal(t, exitOK, status, stderr)
		assert.Equal(t, off, stdout, spelling)
	}
	for _, spelling := range []string{"1", "true", "t", "yes", "y", "on", "ON", "True", "yEs"} {
		t.Setenv("ORCH_METRICS_ENABLED", spelling)
		status, stdout, stderr := call(t, "snapshot", "--compact")
		assert.Equal(t, exitOK, status, stderr)
		assert.NotEqual(t, off, stdout, spelling)
	}
	for _, spelling := range []string{"", " ", "2", "tru", "enabled", "on ", "-1", "yess", "null"} {
		t.Setenv("ORCH_METRICS_ENABLED", spelling)
		for _, command := range []string{"snapshot", "serve"} {
			status, stdout, stderr := call(t, command)
			assert.Equal(t, exitFailed, status, "%q", spelling)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, "write one of 1, true, t, yes, y, on")
			assert.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %s", stderr)
		}
	}
}

func TestSettings_Refused(t *testing.T) {
	isolated(t)
	for args, want := range map[string]string{
		"--section-timeout=0s":           "ORCH_SECTION_TIMEOUT is 0s",
		"--section-timeout=soon":         "section-timeout",
		"--max-rows=0":                   "ORCH_MAX_ROWS is 0",
		"--max-rows=many":                "max-rows",
		"--db=:memory:":                  "ORCH_DB: open store: a database in memory",
		"--db=":                          "ORCH_DB: open store: no database is named",
		"--listen=":                      "ORCH_LISTEN is empty",
		"--listen=nonsense":              "ORCH_LISTEN: listen on nonsense",
		"--health-listen=nonsense":       "ORCH_HEALTH_LISTEN: listen on nonsense",
		"--health-listen=127.0.0.1:9099": "ORCH_HEALTH_LISTEN and ORCH_LISTEN are the same",
		"--web.config.file=missing.yml":  "ORCH_WEB_CONFIG_FILE: open missing.yml: no such file",
		"--web-config-file=.":            "ORCH_WEB_CONFIG_FILE: read .: is a directory",
		"--web.systemd-socket=on":        "ORCH_SYSTEMD_SOCKET: no socket was passed; start the service by its .socket unit",
		"--systemd-socket=maybe":         "neither on nor off",
		"--log-level=loud":               "log-level",
		"--log-format=xml":               "log-format",
		"--sections-disabled=cost,cpus":  `disable section "cpus": unknown section; there are stages, queue, agents, cost`,
		"--no-such-flag":                 "unknown flag --no-such-flag",
		"fly":                            "unexpected argument fly",
		"--sections-disabled=cots":       `; did you mean cost?`,
		"--listn=:80":                    `unknown flag --listn, did you mean "--listen"?`,
		"snapshto":                       `unexpected argument snapshto, did you mean "snapshot"?`,
	} {
		status, stdout, stderr := call(t, args)
		assert.Equal(t, exitFailed, status, args)
		assert.Empty(t, stdout, args)
		assert.Contains(t, stderr, want)
		assert.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %s", stderr)
	}
}

func TestServe_TakenPort(t *testing.T) {
	isolated(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	status, _, stderr := call(t, "serve", "--listen", listener.Addr().String())
	assert.Equal(t, exitFailed, status)
	assert.Equal(t, "api: "+listener.Addr().String()+" is taken by another program; stop it, or set ORCH_LISTEN to another address\n", stderr)
}

func TestServe_TakenHealthPort(t *testing.T) {
	isolated(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	address := listener.Addr().String()
	status, _, stderr := call(t, "serve", "--listen=127.0.0.1:0", "--health-listen", address)
	assert.Equal(t, exitFailed, status)
	assert.Equal(t, "api: "+address+" is taken by another program, or by ORCH_LISTEN; set ORCH_HEALTH_LISTEN to another address\n", stderr)
}

// Whoever listens where others reach it, with nothing to keep them out, is told so
// once. Probes are meant to be reached, and show no figures.
func TestServe_WarnsBeyondLoopback(t *testing.T) {
	isolated(t)
	require.NoError(t, os.WriteFile("empty.yml", nil, 0o600))
	require.NoError(t, os.WriteFile("headers.yml", []byte("http_server_config: {headers: {X-Frame-Options: deny}}\n"), 0o600))
	require.NoError(t, os.WriteFile("nobody.yml", []byte("basic_auth_users: {}\n"), 0o600))
	require.NoError(t, os.WriteFile("passwords.yml", []byte("basic_auth_users: {reader: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}\n"), 0o600))
	writeTLS(t)
	for args, want := range map[string]int{
		"--listen=127.0.0.1:0":                               0,
		"--listen=127.0.0.1:0 --health-listen=0.0.0.0:0":     0,
		"--listen=unix:metrics.sock":                         0,
		"--listen=0.0.0.0:0":                                 1,
		"--listen=:0":                                        1,
		"--listen=0.0.0.0:0 --health-listen=0.0.0.0:0":       1,
		"--listen=0.0.0.0:0 --web.config.file=empty.yml":     1,
		"--listen=0.0.0.0:0 --web.config.file=headers.yml":   1,
		"--listen=0.0.0.0:0 --web.config.file=nobody.yml":    1,
		"--listen=0.0.0.0:0 --web.config.file=passwords.yml": 0,
		"--listen=127.0.0.1:0 --web.config.file=empty.yml":   0,
		"--listen=0.0.0.0:0 --web.config.file=tls.yml":       0,
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var out, errs bytes.Buffer
		require.Equal(t, exitOK, run(ctx, strings.Fields(args), &out, &errs), errs.String())
		assert.Equal(t, want, strings.Count(errs.String(), "beyond loopback"), args)
		assert.Equal(t, want, strings.Count(errs.String(), "WARN"), args)
	}
}

func TestServe_StopsWithItsContext(t *testing.T) {
	isolated(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	assert.Equal(t, exitOK, run(ctx, []string{"--listen=127.0.0.1:0"}, &out, &errs), errs.String())
}

func TestDotEnv(t *testing.T) {
	isolated(t)
	t.Setenv("ORCH_METRICS_ENABLED", "") // restored at the end
	t.Setenv("ORCH_MAX_ROWS", "")
	require.NoError(t, os.Unsetenv("ORCH_METRICS_ENABLED"))
	require.NoError(t, os.Unsetenv("ORCH_MAX_ROWS"))
	require.NoError(t, os.WriteFile(".env", []byte("ORCH_METRICS_ENABLED=off\n"), 0o600))
	_, stdout, _ := call(t, "snapshot", "--compact")
	assert.Contains(t, stdout, `"enabled":false`)

	t.Setenv("ORCH_METRICS_ENABLED", "on")
	_, stdout, _ = call(t, "snapshot", "--compact")
	assert.NotContains(t, stdout, `"enabled":false`, "the real environment wins")

	_, stdout, _ = call(t, "snapshot", "--compact", "--metrics-enabled=off")
	assert.Contains(t, stdout, `"enabled":false`, "a flag wins over both")

	require.NoError(t, os.WriteFile(".env", []byte("ORCH_MAX_ROWS='\n"), 0o600))
	status, _, stderr := call(t, "snapshot")
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, stderr, "api: read .env: ")
}

func TestHelp_Suffices(t *testing.T) {
	isolated(t)
	for _, args := range [][]string{{"--help"}, {"snapshot", "--help"}} {
		status, stdout, stderr := call(t, args...)
		assert.Equal(t, exitOK, status, stderr)
		assert.Contains(t, stdout, "ORCH_DB")
		assert.Contains(t, stdout, "--section-timeout")
	}
}
