package httpapi_test

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/http"
)

// probesAt is where a log says that probes are served.
func probesAt(t *testing.T, log *journal) running {
	t.Helper()
	serving := regexp.MustCompile(`"serving health","address":"([^"]+)"`)
	require.Eventually(t, func() bool { return serving.MatchString(log.String()) }, 10*time.Second, time.Millisecond)
	return running{address: serving.FindStringSubmatch(log.String())[1], client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
}

// unready is an envelope of which a section failed.
func unready() snapshots {
	envelope := busy()
	report := envelope.Sections["queue"]
	report.Status = "failed"
	envelope.Sections["queue"] = report
	return snapshots{envelope: envelope}
}

// Probes need no password and speak no TLS, while everything else does.
func TestHealthBesidePasswords(t *testing.T) {
	log := &journal{}
	s := newSite(t, withTLS+withPasswords, newHandler(t, unready()), httpapi.Health("127.0.0.1:0", unready(), time.Second, log.logger()))
	probes := probesAt(t, log)
	for target, want := range map[string]int{
		"/livez": 200, "/readyz": 503, "/readyz?verbose": 503, "/metrics": 404, "/schema": 404, "/openapi.json": 404, "/": 404, "/livez/": 404,
	} {
		status, body := probes.get(t, target)
		assert.Equal(t, want, status, target)
		assert.NotContains(t, body, "schema_version")
	}
	response, err := probes.client.Post(probes.url("/livez"), "", nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusMethodNotAllowed, response.StatusCode)

	refused, _, err := s.try(t, http.MethodGet, "/livez", "", "")
	require.NoError(t, err)
	assert.Equal(t, http.StatusUnauthorized, refused.StatusCode)
	assert.Equal(t, http.StatusOK, s.status(t, "/livez"), "they are there too")
	assert.Equal(t, http.StatusServiceUnavailable, s.status(t, "/readyz"))

	require.NoError(t, s.stop())
	_, err = net.Dial("tcp", probes.address)
	require.ErrorIs(t, err, syscall.ECONNREFUSED, "it stops with the other")
}

// A flood of readers keeps no probe from its answer.
func TestHealthHasItsOwnLimit(t *testing.T) {
	release := make(chan struct{})
	log := &journal{}
	server := httpapi.NewServer("127.0.0.1:0", newHandler(t, snapshots{envelope: busy(), before: func() { <-release }}, httpapi.MaxInFlight(1)),
		time.Second, quiet(), httpapi.Health("127.0.0.1:0", snapshots{envelope: busy()}, time.Second, log.logger()))
	answers := occupy(t, server.Handler(), "/readyz", 1)
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	main := serveOn(t, server, listener)
	status, _ := main.get(t, "/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	status, _ = probesAt(t, log).get(t, "/readyz")
	assert.Equal(t, http.StatusOK, status)
	close(release)
	assert.Equal(t, []int{http.StatusOK}, answers())
}

func TestHealthOnAUnixSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "health.sock")
	server := httpapi.NewServer("127.0.0.1:0", newHandler(t, snapshots{}), time.Second, quiet(), httpapi.Health("unix:"+path, snapshots{}, time.Second, quiet()))
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	require.NoError(t, server.ListenHealth(t.Context()))
	require.NoError(t, server.ListenHealth(t.Context()), "once is enough")
	r := serveOn(t, server, listener)
	assert.Equal(t, http.StatusOK, getAt(t, path))
	require.NoError(t, r.stop())
	assert.Empty(t, entries(t, dir))
}

func TestHealthOnATakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	server := httpapi.NewServer("127.0.0.1:0", newHandler(t, snapshots{}), time.Second, quiet(), httpapi.Health(taken.Addr().String(), snapshots{}, time.Second, quiet()))
	require.ErrorIs(t, server.ListenHealth(t.Context()), syscall.EADDRINUSE)
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, server.Serve(t.Context(), listener), syscall.EADDRINUSE, "Serve finds it too")
	require.ErrorIs(t, listener.Close(), net.ErrClosed)
}

// dying is a listener that fails when it is told to.
type dying struct {
	net.Listener

	fail chan struct{}
}

func (d dying) Accept() (net.Conn, error) {
	<-d.fail
	return nil, syscall.EINVAL
}

// If the listener of one dies, the other is stopped, and Serve says why.
func TestEitherListenerDies(t *testing.T) {
	log := &journal{}
	server := httpapi.NewServer("127.0.0.1:0", newHandler(t, snapshots{}), time.Second, log.logger(), httpapi.Health("127.0.0.1:0", snapshots{}, time.Second, log.logger()))
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	broken := dying{listener, make(chan struct{})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background(), broken) }()
	probes := probesAt(t, log)
	status, _ := probes.get(t, "/livez")
	assert.Equal(t, http.StatusOK, status)
	close(broken.fail)
	err = <-served
	require.ErrorIs(t, err, syscall.EINVAL)
	require.ErrorContains(t, err, "serve: ")
	_, err = net.Dial("tcp", probes.address)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}
