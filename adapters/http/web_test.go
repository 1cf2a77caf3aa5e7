package httpapi_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/http"
)

const (
	withTLS       = "tls_server_config: {cert_file: localhost.crt, key_file: localhost.key}\n"
	withPasswords = "basic_auth_users: {reader: HASH}\n"
)

// site is a server with a web config.
type site struct {
	running

	dir       string
	file      string
	content   string
	authority *authority
	log       *journal
}

// newSite serves with a web config of this content, in which HASH stands for the
// hash of "right". The certificate is for 127.0.0.1.
func newSite(t *testing.T, content string, handler http.Handler, opts ...httpapi.ServerOption) *site {
	t.Helper()
	s := &site{dir: t.TempDir(), authority: newAuthority(t), log: &journal{}}
	s.authority.issue(t, s.dir, "localhost")
	s.authority.publish(t, filepath.Join(s.dir, "authority.crt"))
	s.file = filepath.Join(s.dir, "web.yml")
	s.content = strings.ReplaceAll(content, "HASH", hashOf(t, "right"))
	replace(t, s.file, s.content)
	config, err := httpapi.ReadWebConfig(s.file)
	require.NoError(t, err)
	server := httpapi.NewServer("127.0.0.1:0", handler, time.Second, s.log.logger(), append(opts, httpapi.WithWebConfig(config))...)
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	s.running = serveOn(t, server, listener)
	s.address = server.Scheme() + "://" + s.address
	return s
}

func (s *site) host() string { return s.address[strings.LastIndex(s.address, "/")+1:] }

// try asks once, on a connection of its own.
func (s *site) try(t *testing.T, method, target, user, password string, certificates ...tls.Certificate) (*http.Response, string, error) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: s.authority.client(certificates...), ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	return s.over(t, transport, method, target, user, password)
}

// over asks on what a transport has.
func (s *site) over(t *testing.T, transport *http.Transport, method, target, user, password string) (*http.Response, string, error) {
	t.Helper()
	request, err := http.NewRequest(method, s.address+target, nil)
	require.NoError(t, err)
	if user+password != "" {
		request.SetBasicAuth(user, password)
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body), nil
}

// status is that of one answer to who knows the password.
func (s *site) status(t *testing.T, target string) int {
	t.Helper()
	response, _, err := s.try(t, http.MethodGet, target, "reader", "right")
	require.NoError(t, err)
	return response.StatusCode
}

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
	status, _, plain := exchange(t, s.host(), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
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
	config, err := httpapi.ReadWebConfig(file)
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

// What holds without a web config holds with one.
func TestLimitsHoldWithAWebConfig(t *testing.T) {
	entered, release := make(chan struct{}, 1), make(chan struct{})
	s := newSite(t, withTLS+withPasswords, newHandler(t, snapshots{envelope: busy(), before: func() { entered <- struct{}{}; <-release }}, httpapi.MaxInFlight(1)))
	first := make(chan int, 1)
	go func() {
		response, _, err := s.try(t, http.MethodGet, "/metrics", "reader", "right")
		if err != nil {
			first <- 0
			return
		}
		first <- response.StatusCode
	}()
	<-entered
	assert.Equal(t, http.StatusServiceUnavailable, s.status(t, "/metrics"), "requests in flight")
	assert.Equal(t, http.StatusOK, s.status(t, "/livez"))
	close(release)
	assert.Equal(t, http.StatusOK, <-first)

	conn, err := tls.Dial("tcp", s.host(), s.authority.client())
	require.NoError(t, err)
	defer conn.Close()
	var request bytes.Buffer
	request.WriteString("GET /livez HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte("reader:right")) + "\r\nX-Long: ")
	request.WriteString(strings.Repeat("a", 64<<10) + "\r\n\r\n")
	go conn.Write(request.Bytes())
	answer, _ := io.ReadAll(conn)
	assert.Contains(t, string(answer), "431 ", "the size of a header")
}

// A panic behind the toolkit's handler is ours to answer.
func TestPanicWithAWebConfig(t *testing.T) {
	s := newSite(t, withPasswords, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }))
	for range 2 {
		response, body, err := s.try(t, http.MethodGet, "/metrics", "reader", "right")
		require.NoError(t, err)
		assert.Equal(t, http.StatusInternalServerError, response.StatusCode)
		code, _ := failureOf(t, []byte(body))
		assert.Equal(t, "internal", code)
	}
	assert.Contains(t, s.log.String(), "boom")
}

// Connections that never finish their handshake keep nobody from being served.
func TestSlowHandshakes(t *testing.T) {
	t.Parallel()
	s := newSite(t, withTLS+withPasswords, newHandler(t, snapshots{envelope: busy()}))
	var held []net.Conn
	for i := range 200 {
		conn := dial(t, s.host())
		if i%2 == 0 { // the beginning of a handshake that never goes on
			_, err := conn.Write([]byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01})
			require.NoError(t, err)
		}
		held = append(held, conn)
	}
	for range 10 {
		assert.Equal(t, http.StatusOK, s.status(t, "/metrics"))
	}
	require.NoError(t, held[0].SetReadDeadline(time.Now().Add(time.Minute)))
	_, err := io.ReadAll(held[0])
	require.NoError(t, err, "the server hangs up by itself")
	for _, conn := range held {
		require.NoError(t, conn.Close())
	}
}
