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

	"github.com/orchmetrics/orchmetrics/internal/doctor"
)

func TestDoctor_Listen(t *testing.T) {
	t.Parallel()
	listen := func(t *testing.T, address string) doctor.Result {
		t.Helper()
		return of(t, surgery{env: []string{"ORCH_LISTEN=" + address}}.examine(t, "--json").report(t), "listen")
	}
	running := startService(t, nil, "serve")
	result := listen(t, strings.TrimPrefix(running.url, "http://"))
	assert.Equal(t, doctor.OK, result.Status)
	assert.Contains(t, result.Message, "an orchmetrics serves there already")

	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"openapi":"3.1.0","info":{"title":"another"}}`))
	}))
	t.Cleanup(stranger.Close)
	result = listen(t, stranger.Listener.Addr().String())
	assert.Equal(t, doctor.Failed, result.Status)
	assert.Contains(t, result.Message, "is taken by another program")

	probed := startService(t, []string{"ORCH_HEALTH_LISTEN=127.0.0.1:0"}, "serve")
	_ = probed
	result = listen(t, "0.0.0.0:0")
	assert.Equal(t, doctor.Warning, result.Status)
	assert.Contains(t, result.Message, "other hosts can reach it")
	refused := surgery{env: []string{"ORCH_LISTEN=nonsense"}}.examine(t, "--json").report(t)
	assert.Equal(t, doctor.Failed, of(t, refused, "settings").Status, "no address at all")

	dir := t.TempDir()
	socket := "unix:" + filepath.Join(dir, "s")
	assert.Equal(t, doctor.OK, listen(t, socket).Status)
	assert.Empty(t, imprint(t, filepath.Join(dir, "s"), 0), "no socket was made")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "s"), nil, 0o600))
	assert.Equal(t, doctor.Failed, listen(t, socket).Status)
	assert.Equal(t, doctor.Failed, listen(t, "unix:/nowhere/s").Status)
	assert.Equal(t, doctor.Failed, listen(t, "unix:"+filepath.Join(dir, strings.Repeat("s", 200))).Status)
}

// TestDoctor_WebConfig: what is wrong with it is told, and no secret of it.
func TestDoctor_WebConfig(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "web.yml")
	look := func(text string) doctor.Report {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return surgery{env: []string{"ORCH_WEB_CONFIG_FILE=" + path, "ORCH_LISTEN=0.0.0.0:0"}}.examine(t, "--json").report(t)
	}
	good := look("http_server_config:\n  http2: false\n")
	assert.Equal(t, doctor.OK, of(t, good, "web_config").Status)
	assert.Equal(t, doctor.OK, of(t, good, "listen").Status)
	for _, text := range []string{"basic_auth_users:\n  me: " + secret + "\n", secret, "tls_server_config:\n  cert_file: none.pem\n"} {
		assert.Equal(t, doctor.Failed, of(t, look(text), "web_config").Status, text)
	}
}

// TestDoctor_HealthListen: its address is looked at too, and a service that is
// there already is known by its answer.
func TestDoctor_HealthListen(t *testing.T) {
	t.Parallel()
	alive := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/livez", r.URL.Path)
		_, _ = w.Write([]byte(`{"status":"ok"}`))
	}))
	t.Cleanup(alive.Close)
	stranger := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(stranger.Close)
	for address, want := range map[string]doctor.Status{
		"127.0.0.1:0": doctor.OK, alive.Listener.Addr().String(): doctor.OK, stranger.Listener.Addr().String(): doctor.Failed,
	} {
		result := of(t, surgery{env: []string{"ORCH_LISTEN=127.0.0.1:0", "ORCH_HEALTH_LISTEN=" + address}}.examine(t, "--json").report(t), "listen")
		assert.Equal(t, want, result.Status, result.Details)
	}
}
