package httpapi_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/http"
	"github.com/orchmetrics/orchmetrics/adapters/http/guard"
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
	config, err := guard.ReadWebConfig(s.file)
	require.NoError(t, err)
	server := httpapi.NewServer("127.0.0.1:0", handler, time.Second, s.log.logger(), append(opts, httpapi.WithWebConfig(config))...)
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	s.running = serveOn(t, server, listener)
	s.address = server.Scheme() + "://" + s.address
	return s
}

func (s *site) host() string { return s.address[strings.LastIndex(s.address, "/")+1:] }

// reply is an answer whose body was read.
type reply struct {
	StatusCode, ProtoMajor int
	Header                 http.Header
	TLS                    *tls.ConnectionState
}

// try asks once, on a connection of its own.
func (s *site) try(t *testing.T, method, target, user, password string, certificates ...tls.Certificate) (*reply, string, error) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: s.authority.client(certificates...), ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	return s.over(t, transport, method, target, user, password)
}

// over asks on what a transport has.
func (s *site) over(t *testing.T, transport *http.Transport, method, target, user, password string) (*reply, string, error) {
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
	return &reply{response.StatusCode, response.ProtoMajor, response.Header, response.TLS}, string(body), nil
}

// status is that of one answer to who knows the password.
func (s *site) status(t *testing.T, target string) int {
	t.Helper()
	response, _, err := s.try(t, http.MethodGet, target, "reader", "right")
	require.NoError(t, err)
	return response.StatusCode
}
