package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serving runs `api serve` on an address until the test ends, and returns what it
// is bound to.
func serving(t *testing.T, address string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	log := &lockedBuffer{}
	stopped := make(chan int, 1)
	go func() { stopped <- run(ctx, []string{"serve", "--listen=" + address}, log, log) }()
	t.Cleanup(func() {
		cancel()
		assert.Equal(t, exitOK, <-stopped, log.String())
	})
	var bound string
	require.Eventually(t, func() bool {
		_, after, found := strings.Cut(log.String(), "msg=serving address=")
		bound, _, _ = strings.Cut(after, "\n")
		return found && strings.Contains(after, "\n")
	}, 20*time.Second, 5*time.Millisecond, "it did not serve: %s", log)
	return bound
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestHealthcheck_ByAnotherName: what does not know the name says so, and what to do.
func TestHealthcheck_ByAnotherName(t *testing.T) {
	isolated(t)
	_, port, err := net.SplitHostPort(serving(t, "127.0.0.1:0"))
	require.NoError(t, err)
	asked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // as a proxy would
		r.URL.Scheme, r.URL.Host, r.RequestURI, r.Host = "http", "127.0.0.1:"+port, "", "metrics.example"
		response, err := http.DefaultTransport.RoundTrip(r)
		if !assert.NoError(t, err) {
			return
		}
		defer response.Body.Close()
		w.WriteHeader(response.StatusCode)
		_, _ = io.Copy(w, response.Body)
	}))
	t.Cleanup(asked.Close)
	for _, args := range [][]string{{"healthcheck", asked.URL}, {"healthcheck", "--ready", asked.URL}} {
		status, _, stderr := call(t, args...)
		assert.Equal(t, exitFailed, status)
		assert.Contains(t, stderr, "answered 421 Misdirected Request: ")
		assert.Contains(t, stderr, "ORCH_ALLOWED_HOSTS")
	}
}

// TestHealthcheck_OfThisHost: the service at ORCH_LISTEN is asked, also where that
// is every interface or a socket.
func TestHealthcheck_OfThisHost(t *testing.T) {
	isolated(t)
	dir := t.TempDir()
	_, port, err := net.SplitHostPort(serving(t, "0.0.0.0:0"))
	require.NoError(t, err)
	socket := serving(t, "unix:"+filepath.Join(dir, "s"))

	for _, address := range []string{"127.0.0.1:" + port, "0.0.0.0:" + port, ":" + port, socket} {
		t.Setenv("ORCH_LISTEN", address)
		status, stdout, stderr := call(t, "healthcheck")
		assert.Equal(t, exitOK, status, stderr)
		assert.Contains(t, stdout, "/livez answered 200 OK\n")

		status, stdout, stderr = call(t, "healthcheck", "--ready")
		assert.Equal(t, exitFailed, status, "there is no database")
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, "/readyz answered 503 Service Unavailable: not ready are agents (db_missing), cost (db_missing), ")
		assert.Equal(t, 1, strings.Count(stderr, "\n"))
	}
	t.Setenv("ORCH_LISTEN", "127.0.0.1:1")
	status, _, stderr := call(t, "healthcheck", "http://127.0.0.1:"+port)
	assert.Equal(t, exitOK, status, stderr)
	t.Setenv("ORCH_HEALTH_LISTEN", "127.0.0.1:"+port)
	status, _, stderr = call(t, "healthcheck")
	assert.Equal(t, exitOK, status, "the address for probes is asked first: %s", stderr)
}

func TestHealthcheck_URL(t *testing.T) {
	isolated(t)
	var asked []string
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "/livez", http.StatusFound)
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, "not JSON")
		}
	}))
	defer service.Close()
	for path, want := range map[string]struct {
		asked  string
		status int
	}{
		"": {"/livez", exitOK}, "/": {"/livez", exitOK}, "/below/livez": {"/below/livez", exitOK},
		"/away": {"/away", exitFailed}, "/broken": {"/broken", exitFailed},
	} {
		asked = nil
		status, _, stderr := call(t, "healthcheck", service.URL+path)
		assert.Equal(t, want.status, status, "%s: %s", path, stderr)
		assert.Equal(t, []string{want.asked}, asked, "no redirect is followed")
	}
}

// TestHealthcheck_Failures: one line that says why, and no secret.
func TestHealthcheck_Failures(t *testing.T) {
	isolated(t)
	hangs := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hangs }))
	defer silent.Close()
	defer close(hangs)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // of the handshake that is refused
	secure.StartTLS()
	defer secure.Close()
	for args, want := range map[string]string{
		silent.URL + " --timeout=50ms":          "does not answer: context deadline exceeded",
		"http://127.0.0.1:1":                    "connection refused",
		"http://u:hunter2@127.0.0.1:1/?hunter2": "http://127.0.0.1:1/livez does not answer",
		"ftp://127.0.0.1":                       "write http://HOST:PORT",
		"elsewhere":                             "write http://HOST:PORT",
		"http://%zzhunter2":                     "write http://HOST:PORT",
		secure.URL:                              "certificate",
		secure.URL + " --insecure":              "answered 404 Not Found",
	} {
		status, stdout, stderr := call(t, append([]string{"healthcheck"}, strings.Fields(args)...)...)
		assert.Equal(t, exitFailed, status, args)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, want)
		assert.NotContains(t, stderr, "hunter2")
		assert.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
	}
}

func TestHealthcheck_Help(t *testing.T) {
	isolated(t)
	_, stdout, _ := call(t, "healthcheck", "--help")
	assert.Contains(t, strings.Join(strings.Fields(stdout), " "), "It asks /livez unless told otherwise: whoever restarts what is unhealthy would gain nothing")
}
