package tests

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWebConfig_Program: the settings reach the program, and its refusals are as
// docs/openapi.json says.
func TestWebConfig_Program(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "web.yml"), filepath.Join(dir, "health.sock")
	require.NoError(t, os.WriteFile(file, []byte("basic_auth_users:\n  reader: "+documentedHash(t)+"\nrate_limit: {burst: 3, interval: 1h}\n"), 0o600))
	s := startService(t, []string{"ORCH_WEB_CONFIG_FILE=" + file, "ORCH_HEALTH_LISTEN=unix:" + socket, "ORCH_DB=" + newDatabase(t, "schema.sql")}, "serve")
	assert.FileExists(t, socket)

	checker := newValidator(t, described(t, goldenHandler(t, newDatabase(t, "schema.sql"), "", nil)))
	for _, c := range []struct {
		user, password string
		status         int
	}{{"", "", 401}, {"reader", "wrong", 401}, {"reader", "secret", 200}, {"reader", "secret", 429}, {"", "", 429}} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/metrics", http.NoBody)
		require.NoError(t, err)
		if c.user != "" {
			request.SetBasicAuth(c.user, c.password)
		}
		response, err := s.client.Do(request)
		require.NoError(t, err)
		require.Equal(t, c.status, response.StatusCode)
		asked := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
		ok, errs := checker.ValidateHttpResponse(asked, response)
		assert.True(t, ok, "%d: %v", c.status, errs)
		require.NoError(t, response.Body.Close())
	}
}

// documentedHash is the hash of the example in docs/operations.md: it must be that
// of the password that is said there.
func documentedHash(t *testing.T) string {
	t.Helper()
	_, text, found := strings.Cut(read(t, "docs/operations.md"), "basic_auth_users:\n")
	require.True(t, found)
	_, hash, found := strings.Cut(text, "reader: ")
	require.True(t, found)
	hash, _, _ = strings.Cut(hash, "\n")
	return strings.TrimSpace(hash)
}
