package httpapi_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/http"
	"github.com/orchmetrics/orchmetrics/adapters/http/guard"
)

func TestTLS(t *testing.T) {
	s := newSite(t, withTLS, newHandler(t, snapshots{envelope: busy()}))
	assert.True(t, strings.HasPrefix(s.address, "https://"))
	response, body, err := s.try(t, http.MethodGet, "/metrics", "", "")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, response.StatusCode)
	assert.Contains(t, body, `"schema_version":1`)
	assert.Equal(t, 1, response.ProtoMajor, "HTTP/2 is off, though the client offers it")
	assert.GreaterOrEqual(t, response.TLS.Version, uint16(tls.VersionTLS12))

	stranger := &site{running: s.running, authority: newAuthority(t)}
	_, _, err = stranger.try(t, http.MethodGet, "/metrics", "", "")
	require.ErrorContains(t, err, "unknown authority", "the check above would see another certificate")
	_, err = tls.Dial("tcp", s.host(), &tls.Config{RootCAs: s.authority.client().RootCAs, MaxVersion: tls.VersionTLS11})
	require.Error(t, err, "an old version is refused")
	status, _, plain := exchange(t, s.host(), "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
	assert.Equal(t, http.StatusBadRequest, status)
	assert.NotContains(t, plain, "schema_version")
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{"alone": withPasswords, "with TLS": withTLS + withPasswords} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, content, newHandler(t, snapshots{envelope: busy()}))
			for _, target := range []string{"/metrics", "/livez", "/readyz", "/nothing", "/metrics?section=x"} {
				wrongs := [][2]string{{"", ""}}
				if target == "/metrics" { // each of them waits for the one before
					wrongs = append(wrongs, [][2]string{{"reader", "wrong"}, {"reader", ""}, {"nobody", "right"}, {"nobody", "fakepassword"}}...)
				}
				for _, wrong := range wrongs {
					response, body, err := s.try(t, http.MethodGet, target, wrong[0], wrong[1])
					require.NoError(t, err)
					assert.Equal(t, http.StatusUnauthorized, response.StatusCode)
					assert.Equal(t, `Basic realm="orchmetrics", charset="UTF-8"`, response.Header.Get("WWW-Authenticate"))
					assert.Equal(t, "application/json; charset=utf-8", response.Header.Get("Content-Type"))
					assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
					code, _ := failureOf(t, []byte(body))
					assert.Equal(t, "unauthorized", code)
				}
			}
			for target, want := range map[string]int{"/metrics": 200, "/livez": 200, "/readyz": 200, "/nothing": 404, "/metrics?section=x": 400} {
				assert.Equal(t, want, s.status(t, target), target)
			}
			response, body, err := s.try(t, http.MethodHead, "/metrics", "", "")
			require.NoError(t, err)
			assert.Equal(t, http.StatusUnauthorized, response.StatusCode)
			assert.Empty(t, body)
		})
	}
}

func TestClientCertificates(t *testing.T) {
	s := newSite(t, `
tls_server_config:
  cert_file: localhost.crt
  key_file: localhost.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: authority.crt
  client_allowed_sans: [reader]
`, newHandler(t, snapshots{envelope: busy()}))
	load := func(by *authority, name string) tls.Certificate {
		dir := t.TempDir()
		by.issue(t, dir, name)
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"))
		require.NoError(t, err)
		return pair
	}
	response, _, err := s.try(t, http.MethodGet, "/metrics", "", "", load(s.authority, "reader"))
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, response.StatusCode)
	_, _, err = s.try(t, http.MethodGet, "/metrics", "", "")
	require.ErrorContains(t, err, "certificate required")
	_, _, err = s.try(t, http.MethodGet, "/metrics", "", "", load(newAuthority(t), "reader"))
	require.Error(t, err, "signed by another")
	_, _, err = s.try(t, http.MethodGet, "/metrics", "", "", load(s.authority, "guest"))
	require.Error(t, err, "another name")
}

// The certificate and the passwords are read anew; nobody is cut off for it.
func TestWebConfigIsReloaded(t *testing.T) {
	s := newSite(t, withTLS+withPasswords, newHandler(t, snapshots{envelope: busy()}))
	kept := &http.Transport{TLSClientConfig: s.authority.client()}
	defer kept.CloseIdleConnections()
	first, _, err := s.over(t, kept, http.MethodGet, "/livez", "reader", "right")
	require.NoError(t, err)
	before := first.TLS.PeerCertificates[0].SerialNumber

	renewed := s.authority.issue(t, s.dir, "localhost").SerialNumber
	require.NotEqual(t, before, renewed)
	fresh, _, err := s.try(t, http.MethodGet, "/livez", "reader", "right")
	require.NoError(t, err)
	assert.Equal(t, renewed, fresh.TLS.PeerCertificates[0].SerialNumber, "a new connection has the new one")
	old, _, err := s.over(t, kept, http.MethodGet, "/livez", "reader", "right")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, old.StatusCode)
	assert.Equal(t, before, old.TLS.PeerCertificates[0].SerialNumber, "an old one goes on")

	replace(t, s.file, withTLS+"basic_auth_users: {reader: "+hashOf(t, "another")+"}\n")
	assert.Equal(t, http.StatusUnauthorized, s.status(t, "/livez"), "the password was changed")
	again, _, err := s.try(t, http.MethodGet, "/livez", "reader", "another")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, again.StatusCode)
}

func TestRateLimitOfTheWebConfig(t *testing.T) {
	s := newSite(t, withPasswords+"rate_limit: {burst: 1, interval: 1h}\n", newHandler(t, snapshots{envelope: busy()}))
	assert.Equal(t, http.StatusOK, s.status(t, "/livez"))
	response, body, err := s.try(t, http.MethodGet, "/livez", "reader", "right")
	require.NoError(t, err)
	assert.Equal(t, http.StatusTooManyRequests, response.StatusCode)
	assert.Equal(t, "1", response.Header.Get("Retry-After"))
	code, _ := failureOf(t, []byte(body))
	assert.Equal(t, "rate_limited", code)
}

func TestWebConfigOnAUnixSocket(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "metrics.sock"), filepath.Join(dir, "web.yml")
	replace(t, file, strings.ReplaceAll(withPasswords, "HASH", hashOf(t, "right")))
	config, err := guard.ReadWebConfig(file)
	require.NoError(t, err)
	server := httpapi.NewServer("unix:"+path, newHandler(t, snapshots{envelope: busy()}), time.Second, quiet(), httpapi.WithWebConfig(config))
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	r := serveOn(t, server, listener)
	assert.Equal(t, http.StatusUnauthorized, getAt(t, path))
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	defer transport.CloseIdleConnections()
	response, _, err := (&site{running: running{address: "http://socket"}}).over(t, transport, http.MethodGet, "/metrics", "reader", "right")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, response.StatusCode)
	require.NoError(t, r.stop())
	assert.Equal(t, []string{"web.yml"}, entries(t, dir), "the socket is removed")
}
