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
	"github.com/orchmetrics/orchmetrics/internal/demo"
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

// TestSettings_Refused: whatever is wrong, one line names the setting, as people
// write it either way, and says what would be right.
func TestSettings_Refused(t *testing.T) {
	isolated(t)
	for args, want := range map[string]string{
		"--section-timeout=0s":           "ORCH_SECTION_TIMEOUT (--section-timeout) is 0s; it must be more than 0 and at most 1m",
		"--section-timeout=soon":         `ORCH_SECTION_TIMEOUT (--section-timeout): "soon" is no duration, such as 500ms, 5s or 1m30s; allowed: more than 0, at most 1m`,
		"--max-rows=0":                   "ORCH_MAX_ROWS (--max-rows) is 0; it must be between 1 and 1000000",
		"--max-rows=many":                `ORCH_MAX_ROWS (--max-rows): "many" is no whole number; allowed: 1 to 1000000`,
		"--db=:memory:":                  "ORCH_DB (--db): open database: a database in memory",
		"--db=":                          "ORCH_DB (--db): open database: no database is named",
		"--listen=":                      "ORCH_LISTEN (--listen) is empty",
		"--web.listen-address=nonsense":  `ORCH_LISTEN (--listen) is "nonsense"; write host:port, such as 127.0.0.1:9099, or unix:/path`,
		"--listen=nonsense":              `ORCH_LISTEN (--listen) is "nonsense"; write host:port, such as 127.0.0.1:9099, or unix:/path`,
		"--health-listen=nonsense":       `ORCH_HEALTH_LISTEN (--health-listen) is "nonsense"; write host:port`,
		"--health-listen=127.0.0.1:9099": "ORCH_HEALTH_LISTEN (--health-listen) and ORCH_LISTEN (--listen) are the same",
		"--web.config.file=missing.yml":  "ORCH_WEB_CONFIG_FILE (--web.config.file): open missing.yml: no such file",
		"--web-config-file=.":            "ORCH_WEB_CONFIG_FILE (--web.config.file): read .: is a directory",
		"--web.systemd-socket=on":        "ORCH_SYSTEMD_SOCKET (--web.systemd-socket): no socket was passed; start the service by its .socket unit",
		"--systemd-socket=maybe":         `ORCH_SYSTEMD_SOCKET (--web.systemd-socket): "maybe" is neither on nor off; write one of 1, true,`,
		"--log-level=loud":               `ORCH_LOG_LEVEL (--log-level): "loud" is no level; allowed: debug, info, warn or error`,
		"--log-format=xml":               `ORCH_LOG_FORMAT (--log-format) must be one of "text","json" but got "xml"`,
		"--sections-disabled=cost,cpus":  `disable section "cpus": unknown section; there are stages, queue, agents, cost`,
		"--no-such-flag":                 "unknown flag --no-such-flag",
		"fly":                            "unexpected argument fly",
		"--sections-disabled=cots":       `; did you mean cost?`,
		"--listn=:80":                    `unknown flag --listn, did you mean "--listen"?`,
		"snapshto":                       `unexpected argument snapshto, did you mean "snapshot"?`,
		"--max-rows":                     "ORCH_MAX_ROWS (--max-rows): a value is missing; write --max-rows=N",
		"--max-rows -1":                  "ORCH_MAX_ROWS (--max-rows) is -1; it must be between 1 and 1000000",
		"--db --exact":                   "ORCH_DB (--db): a value is missing before --exact; write --db=PATH",
		"--sections-disabled":            "ORCH_SECTIONS_DISABLED (--sections-disabled): a value is missing; write --sections-disabled=KEY",
		"--recount-budget=much":          `ORCH_RECOUNT_BUDGET (--recount-budget): "much" is no percentage; allowed: 0% to 100%`,
		"--fixture":                      "--fixture: a value is missing; write --fixture=FILE",
		"--web.systemd-socket":           "no socket was passed",
		"--web.systemd-socket on":        "no socket was passed",
		"demo --seed=-1":                 `--seed: "-1" is no whole number of 0 or more`,
		"demo --tick=0s":                 "--tick is 0s; it must be more than 0",
		"demo --profile=river":           "river keeps its tables in PostgreSQL; add --postgres URL, such as postgres://user@host/database",
		"healthcheck --timeout=0s":       "--timeout is 0s; it must be more than 0",
		"record --every":                 "--every: a value is missing; write --every=DURATION",
		"completion":                     `expected "<bash|zsh|fish>"`,
	} {
		status, stdout, stderr := call(t, strings.Fields(args)...)
		assert.Equal(t, exitFailed, status, args)
		assert.Empty(t, stdout, args)
		assert.Contains(t, stderr, want)
		assert.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %s", stderr)
		for _, raw := range []string{"EOL", "slog:", "yaml:", "bit int", "short flag", "envar"} {
			assert.NotContains(t, stderr, raw)
		}
	}
}

// TestSettings_RefusedOfTheEnvironment: the same words, without the value, which
// need not be repeated.
func TestSettings_RefusedOfTheEnvironment(t *testing.T) {
	isolated(t)
	for variable, want := range map[string]string{
		"ORCH_MAX_ROWS=many":        `ORCH_MAX_ROWS (--max-rows): "many" is no whole number; allowed: 1 to 1000000`,
		"ORCH_LOG_LEVEL=verbose":    `ORCH_LOG_LEVEL (--log-level): "verbose" is no level; allowed: debug, info, warn or error`,
		"ORCH_LOG_FORMAT=xml":       `ORCH_LOG_FORMAT (--log-format) must be one of "text","json" but got "xml"`,
		"ORCH_SECTION_TIMEOUT=5":    `ORCH_SECTION_TIMEOUT (--section-timeout): "5" is no duration, such as 500ms, 5s or 1m30s`,
		"ORCH_RECOUNT_BUDGET=101%":  `ORCH_RECOUNT_BUDGET (--recount-budget): "101%" is no percentage; allowed: 0% to 100%`,
		"ORCH_SYSTEMD_SOCKET=maybe": `ORCH_SYSTEMD_SOCKET (--web.systemd-socket): "maybe" is neither on nor off`,
	} {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
		status, stdout, stderr := call(t, "snapshot")
		assert.Equal(t, exitFailed, status, variable)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, "api: "+want)
		assert.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %s", stderr)
		require.NoError(t, os.Unsetenv(name))
	}
}

func TestServe_TakenPort(t *testing.T) {
	isolated(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	status, _, stderr := call(t, "serve", "--listen", listener.Addr().String())
	assert.Equal(t, exitFailed, status)
	assert.Equal(t, "api: "+listener.Addr().String()+" is taken by another program; stop it, or set ORCH_LISTEN (--listen) to another address\n", stderr)
}

func TestServe_TakenHealthPort(t *testing.T) {
	isolated(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	address := listener.Addr().String()
	status, _, stderr := call(t, "serve", "--listen=127.0.0.1:0", "--health-listen", address)
	assert.Equal(t, exitFailed, status)
	assert.Equal(t, "api: "+address+" is taken by another program, or by ORCH_LISTEN (--listen); set ORCH_HEALTH_LISTEN (--health-listen) to another address\n", stderr)
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

// TestWebConfig_InWords: what is wrong with it is told in the words of the file, not
// in those of the program, with the line.
func TestWebConfig_InWords(t *testing.T) {
	isolated(t)
	for text, want := range map[string]string{
		"nonsense":                      "line 1: a text is not what belongs here",
		"basic_auth_users: [1]":         "line 1: a list is not what belongs here",
		"\ntls_server_config: {foo: 1}": "line 2: there is no setting foo here",
		"a: b: c":                       "it is no YAML: mapping values are not allowed in this context",
		"rate_limit: 5\nfoo: 1":         "line 1: a number is not what belongs here; line 2: there is no setting foo here",
	} {
		require.NoError(t, os.WriteFile("web.yml", []byte(text), 0o600))
		status, _, stderr := call(t, "--web.config.file=web.yml")
		assert.Equal(t, exitFailed, status, text)
		assert.Equal(t, "api: ORCH_WEB_CONFIG_FILE (--web.config.file): "+want+
			" (docs/operations.md, TLS and passwords, says what it holds)\n", stderr)
	}
}
