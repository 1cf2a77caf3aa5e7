package tests

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// forged is what whoever may name a file could name it: it begins lines of its own,
// clears the screen and turns the direction of writing.
const forged = "x\n[+] forged ok\nforged=1 level=ERROR\r✓ forged\x1b[2J\u009b2J\u202e"

// TestForPeople_NamesForgeNothing: a name of a file or a setting is no more than a
// name wherever people read it.
func TestForPeople_NamesForgeNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sections := filepath.Join(dir, forged+".d")
	require.NoError(t, os.Mkdir(sections, 0o700))
	for _, name := range []string{forged + ".json", "fine.json", "other.json"} {
		require.NoError(t, os.WriteFile(filepath.Join(sections, name), []byte("{}"), 0o600))
	}
	settings := []string{
		"ORCH_SECTIONS_DIR=" + sections, "ORCH_DB=" + filepath.Join(dir, forged+".db"),
		"ORCH_WORKER_STATE_FILE=" + filepath.Join(dir, forged+".worker"), "ORCH_" + forged + "=1",
	}
	s := startService(t, settings, "serve")
	status, verbose := s.get(t, "/readyz?verbose")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Contains(t, string(verbose), "\uFFFD[+] forged ok\uFFFD")
	requireHarmless(t, "readyz", string(verbose))
	assert.Equal(t, 4+3+1, strings.Count(string(verbose), "\n"), "a line a section, and the sum: %s", verbose)

	hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintf(w, `{"sections":{%q:{"ready":false}}}`, "x\n✓ forged")
	}))
	defer hostile.Close()
	for _, args := range [][]string{
		{"doctor"},
		{"snapshot"},
		{"snapshot", "--section=" + forged},
		{"snapshot", "--sections-disabled=" + forged},
		{"serve", "--fixture=" + forged},
		{"serve", "--web.config.file=" + forged},
		{"serve", "--listen=unix:" + filepath.Join(dir, forged, "socket")},
		{"healthcheck", hostile.URL},
		{"record", "--for=1ms", "--url=" + hostile.URL + "/%0a"},
		{forged},
		{"--" + forged},
	} {
		cmd := exec.CommandContext(t.Context(), program(t), args...)
		cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), settings...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run() // most complain
		assert.NotEmpty(t, stdout.String()+stderr.String(), args)
		requireHarmless(t, strings.Join(args, " "), stderr.String())
		if args[0] != "snapshot" { // which prints JSON
			requireHarmless(t, strings.Join(args, " "), stdout.String())
		}
	}
}

// requireHarmless fails for a text that does more to a terminal than to print lines,
// or has a line that a name began.
func requireHarmless(t *testing.T, of, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		assert.Equal(t, -1, strings.IndexFunc(line, func(letter rune) bool { return !unicode.IsPrint(letter) }), "%s: %q", of, line)
		for _, begin := range []string{"[+] forged", "forged=1", "✓ forged"} {
			assert.False(t, strings.HasPrefix(line, begin), "%s: %q", of, line)
		}
	}
}
