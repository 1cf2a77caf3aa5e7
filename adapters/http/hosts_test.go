package httpapi_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/http"
)

// askAs asks for a path by another name than the server's address.
func askAs(t *testing.T, transport *http.Transport, url, host string) (int, string) {
	t.Helper()
	defer transport.CloseIdleConnections()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	require.NoError(t, err)
	request.Host = host
	response, err := (&http.Client{Transport: transport}).Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(response.Body)
	require.NoError(t, err)
	return response.StatusCode, body.String()
}

// TestHost_OfAnother: a page whose name points to this host reads nothing.
func TestHost_OfAnother(t *testing.T) {
	handler := newHandler(t, snapshots{envelope: busy()})
	server := httpapi.NewServer("127.0.0.1:0", handler, time.Second, quiet(), httpapi.AllowedHosts("metrics.example.org", "*.svc"))
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	r := serveOn(t, server, listener)
	for _, target := range []string{"/metrics", "/metrics?section=queue", "/readyz", "/livez", "/nothing"} {
		status, body := askAs(t, &http.Transport{}, r.url(target), "evil.example:9099")
		assert.Equal(t, http.StatusMisdirectedRequest, status)
		code, message := failureOf(t, []byte(body))
		assert.Equal(t, "wrong_host", code)
		assert.Contains(t, message, `"evil.example"`)
		assert.Contains(t, message, "ORCH_ALLOWED_HOSTS")
	}
	for _, host := range []string{"", "localhost:1", "192.0.2.7", "metrics.example.org", "orchmetrics.default.svc:9099"} {
		status, _ := askAs(t, &http.Transport{}, r.url("/metrics"), host)
		assert.Equal(t, http.StatusOK, status, host)
	}
	status, _, _ := exchange(t, r.address, "GET /livez HTTP/1.0\r\n\r\n")
	assert.Equal(t, http.StatusOK, status, "no browser leaves the name away")
	status, _, _ = exchange(t, r.address, "GET /livez HTTP/1.0\r\nHost: evil.example\r\n\r\n")
	assert.Equal(t, http.StatusMisdirectedRequest, status)
	status, _, body := exchange(t, r.address, "GET /livez HTTP/1.1\r\nHost: "+strings.Repeat("a", 20_000)+"\r\n\r\n")
	assert.Equal(t, http.StatusMisdirectedRequest, status)
	assert.Less(t, len(body), 500)
}

// TestHost_WhereItSaysNothing: a unix socket has no name, and the probes no figures.
func TestHost_WhereItSaysNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.sock")
	server, listener, err := listenAt(t, path)
	require.NoError(t, err)
	serveOn(t, server, listener)
	status, _ := askAs(t, &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}, "http://evil.example/metrics", "")
	assert.Equal(t, http.StatusOK, status)

	log := &journal{}
	both := httpapi.NewServer("127.0.0.1:0", newHandler(t, snapshots{envelope: busy()}), time.Second, quiet(),
		httpapi.Health("127.0.0.1:0", snapshots{envelope: busy()}, time.Second, log.logger()))
	listener, err = both.Listen(t.Context())
	require.NoError(t, err)
	serveOn(t, both, listener)
	status, _ = askAs(t, &http.Transport{}, probesAt(t, log).url("/readyz"), "evil.example")
	assert.Equal(t, http.StatusOK, status)
}

// TestHost_WithAWebConfig: the certificate's names are the server's, and whoever
// has to show a password or a certificate is no page of another.
func TestHost_WithAWebConfig(t *testing.T) {
	handler := newHandler(t, snapshots{envelope: busy()})
	statusAs := func(s *site, host string, certificates ...tls.Certificate) int {
		status, _ := askAs(t, &http.Transport{TLSClientConfig: s.authority.client(certificates...)}, s.address+"/livez", host)
		return status
	}
	encrypted := newSite(t, withTLS, handler)
	assert.Equal(t, http.StatusMisdirectedRequest, statusAs(encrypted, "evil.example"))
	assert.Equal(t, http.StatusMisdirectedRequest, statusAs(encrypted, "metrics.example.org"))
	encrypted.authority.issue(t, encrypted.dir, "metrics.example.org")
	for _, ending := range []string{".crt", ".key"} {
		content, err := os.ReadFile(filepath.Join(encrypted.dir, "metrics.example.org"+ending))
		require.NoError(t, err)
		replace(t, filepath.Join(encrypted.dir, "localhost"+ending), string(content))
	}
	require.Eventually(t, func() bool { return statusAs(encrypted, "metrics.example.org:9099") == http.StatusOK }, time.Minute, 50*time.Millisecond,
		"a renewed certificate counts")
	assert.Equal(t, http.StatusMisdirectedRequest, statusAs(encrypted, "evil.example"))

	guarded := newSite(t, withPasswords, handler)
	assert.Equal(t, http.StatusUnauthorized, statusAs(guarded, "any.example"))
	guarded.address = strings.Replace(guarded.address, "://", "://reader:right@", 1)
	assert.Equal(t, http.StatusOK, statusAs(guarded, "any.example"))

	clients := newSite(t, strings.Replace(withTLS, "}", ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: authority.crt}", 1), handler)
	dir := t.TempDir()
	clients.authority.issue(t, dir, "reader")
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "reader.crt"), filepath.Join(dir, "reader.key"))
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, statusAs(clients, "any.example", pair))
	optional := newSite(t, strings.Replace(withTLS, "}", ", client_auth_type: VerifyClientCertIfGiven, client_ca_file: authority.crt}", 1), handler)
	assert.Equal(t, http.StatusMisdirectedRequest, statusAs(optional, "evil.example"), "who need not show one may be anybody")

	replace(t, clients.file, withTLS)
	assert.Equal(t, http.StatusInternalServerError, statusAs(clients, "any.example", pair), "it goes on asking")
}
