package page

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
)

// service is a real service on a port, which remembers what it answered.
type service struct {
	*httptest.Server

	mu      sync.Mutex
	handler http.Handler
	bodies  [][]byte // of /metrics, in the order in which they were asked for
}

// world is what a service answers from.
type world interface {
	orchmetrics.Sources | orchmetrics.Fixture
}

// serve serves the metrics of these sources, or of a fixture.
func serve[W world](t *testing.T, w W) *service {
	t.Helper()
	return serveHandler(t, handlerOf(t, w, true))
}

func handlerOf[W world](t *testing.T, w W, enabled bool) http.Handler {
	t.Helper()
	cfg := orchmetrics.Config{
		MetricsEnabled: orchmetrics.Switch(enabled), Listen: "127.0.0.1:0", SectionTimeout: 10 * time.Second, LogLevel: 99, Version: "v1.2.3",
		MaxRows: 10_000,
	}
	var server *orchmetrics.Server
	var err error
	switch from := any(w).(type) {
	case orchmetrics.Sources:
		server, err = orchmetrics.InitializeServerFrom(cfg, from)
	case orchmetrics.Fixture:
		server, err = orchmetrics.InitializeReplay(cfg, from)
	}
	require.NoError(t, err)
	return server.Handler()
}

func serveHandler(t *testing.T, handler http.Handler) *service {
	t.Helper()
	s := &service{handler: handler}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP answers as the present handler does.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	handler := s.handler
	s.mu.Unlock()
	if r.URL.Path != "/metrics" {
		handler.ServeHTTP(w, r)
		return
	}
	r.Header.Del("Accept-Encoding") // what is answered is read here, too
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	body, err := io.ReadAll(recorder.Body)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	s.bodies = append(s.bodies, body)
	s.mu.Unlock()
	maps.Copy(w.Header(), recorder.Header())
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(body)
}

// become makes it another service, as after a restart.
func (s *service) become(handler http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = handler
}

// answers are the first n answers to /metrics.
func (s *service) answers(n int) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bodies[:n]
}
