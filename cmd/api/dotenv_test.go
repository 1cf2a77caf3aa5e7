package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unset has a variable restored at the end of the test, which begins without it.
func unset(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		t.Setenv(name, "")
		require.NoError(t, os.Unsetenv(name))
	}
}

func writeDotEnv(t *testing.T, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(dotEnv, []byte(text), 0o600))
}

func TestDotEnv_WhoWins(t *testing.T) {
	isolated(t)
	unset(t, "ORCH_METRICS_ENABLED")
	writeDotEnv(t, "ORCH_METRICS_ENABLED=off\n")
	_, stdout, _ := call(t, "snapshot", "--compact")
	assert.Contains(t, stdout, `"enabled":false`)

	t.Setenv("ORCH_METRICS_ENABLED", "on")
	_, stdout, _ = call(t, "snapshot", "--compact")
	assert.NotContains(t, stdout, `"enabled":false`, "the real environment wins")

	_, stdout, _ = call(t, "snapshot", "--compact", "--metrics-enabled=off")
	assert.Contains(t, stdout, `"enabled":false`, "a flag wins over both")
}

// TestDotEnv_Values: a value is what stands there. Nothing of it vanishes.
func TestDotEnv_Values(t *testing.T) {
	isolated(t)
	for line, want := range map[string]string{
		`ORCH_DB=/data/orch.db`:                  "/data/orch.db",
		`export ORCH_DB = "/data/with space.db"`: "/data/with space.db",
		"\ufeffORCH_DB=/data/orch.db":            "/data/orch.db",
		"\r\nORCH_DB=/data/orch.db\r\n":          "/data/orch.db",
		`ORCH_DB=$HOME/orch.db`:                  "$HOME/orch.db",
		`ORCH_DB=${HOME}/orch.db`:                "${HOME}/orch.db",
		`ORCH_DB="$HOME/orch.db"`:                "$HOME/orch.db",
		`ORCH_DB='$(pwd)/orch.db'`:               "$(pwd)/orch.db",
		`ORCH_DB=/data/orch.db # which is it?`:   "/data/orch.db",
		`ORCH_DB="/data/#1.db" # the first`:      "/data/#1.db",
		"# a#comment\nORCH_DB=/data/orch.db":     "/data/orch.db",
		`ORCH_DB= # none`:                        "",
	} {
		unset(t, "ORCH_DB")
		writeDotEnv(t, line)
		require.NoError(t, loadDotEnv(dotEnv), line)
		assert.Equal(t, want, os.Getenv("ORCH_DB"), line)
	}
}

// TestDotEnv_Refused: the error says which file, which line and what to do, and
// repeats nothing of the file, which may hold secrets.
func TestDotEnv_Refused(t *testing.T) {
	isolated(t)
	unset(t, "ORCH_MAX_ROWS", "TOKEN")
	dir, err := os.Getwd()
	require.NoError(t, err)
	file := filepath.Join(dir, dotEnv)
	for text, want := range map[string]string{
		"ORCH_MAX_ROWS=5\nhunter2\n":            file + ", line 2: missing =; write NAME=VALUE",
		"\n\n# here\nTOKEN='hunter2\n":          file + ", line 4: unmatched '; write NAME=VALUE with quotes closed on the same line",
		"TOKEN=\"hunter2":                       file + `, line 1: unmatched "`,
		"- hunter2=1":                           file + ", line 1: key must start with",
		"ORCH_MAX_ROWS=5\nTOKEN=hunter2#rest\n": file + ", line 2: a # within the value would begin a comment; put the value in quotes",
		"TOKEN=#hunter2":                        file + ", line 1: a # within the value",
		"\xff\xfeO\x00R\x00":                    file + ", line 1: the file is UTF-16; save it as UTF-8",
	} {
		writeDotEnv(t, text)
		for _, command := range []string{"serve", "snapshot", "demo", "record", "healthcheck"} {
			status, stdout, stderr := call(t, command)
			assert.Equal(t, exitFailed, status, text)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, "api: "+want)
			assert.NotContains(t, stderr, "hunter2")
			assert.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
		}
	}
}

// TestDotEnv_IsNoFile: what cannot be read is refused with what to do, and nothing
// waits for it.
func TestDotEnv_IsNoFile(t *testing.T) {
	for name, arrange := range map[string]func(t *testing.T){
		"a directory": func(t *testing.T) { require.NoError(t, os.Mkdir(dotEnv, 0o755)) },
		"a pipe":      func(t *testing.T) { require.NoError(t, syscall.Mkfifo(dotEnv, 0o600)) },
		"huge": func(t *testing.T) {
			writeDotEnv(t, "")
			require.NoError(t, os.Truncate(dotEnv, maxDotEnv+1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			isolated(t)
			arrange(t)
			status, stdout, stderr := call(t, "serve")
			assert.Equal(t, exitFailed, status)
			assert.Empty(t, stdout)
			assert.Regexp(t, `^api: /.+/\.env: something .+ is no file of settings; take it away, or start in another directory\n$`, stderr)
		})
	}
}

// TestDotEnv_NotRead: what needs no settings does not care whether they are broken.
func TestDotEnv_NotRead(t *testing.T) {
	isolated(t)
	require.NoError(t, syscall.Mkfifo(dotEnv, 0o600)) // who opens it, waits
	for _, args := range []string{
		"version", "--version", "--help", "-h", "help", "help serve", "serve --help", "healthcheck -h",
		"schema", "fixtures", "completion bash",
	} {
		status, stdout, stderr := call(t, strings.Fields(args)...)
		assert.Equal(t, exitOK, status, args)
		assert.NotEmpty(t, stdout, args)
		assert.Empty(t, stderr, args)
	}
}
