package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/http"
	"github.com/orchmetrics/orchmetrics/contract/contracttest"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// snapshots answers one envelope, narrowed to what is asked.
type snapshots struct {
	envelope domain.Envelope
	// before runs at the beginning of each snapshot.
	before func()
}

var _ ports.Snapshotter = snapshots{}

func (s snapshots) Keys() []string { return []string{"stages", "queue", "agents", "cost"} }

func (s snapshots) Snapshot(_ context.Context, keys ...string) (domain.Envelope, error) {
	if s.before != nil {
		s.before()
	}
	envelope := s.envelope
	envelope.Sections = map[string]domain.SectionReport{}
	for _, key := range keys {
		if !slices.Contains(s.Keys(), key) {
			return domain.Envelope{}, fmt.Errorf("choose: %w: %s", ports.ErrUnknownSection, key)
		}
	}
	for _, key := range s.Keys() {
		if len(keys) == 0 || slices.Contains(keys, key) {
			envelope.Sections[key] = s.envelope.Sections[key]
		}
	}
	return envelope, nil
}

// busy is an envelope whose sections are all ok.
func busy() domain.Envelope {
	envelope := domain.Envelope{
		SchemaVersion: 1,
		GeneratedAt:   time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC),
		Stages:        []domain.Stage{{TaskID: 1, Stage: "review"}},
		Sections:      map[string]domain.SectionReport{},
	}
	for _, key := range (snapshots{}).Keys() {
		envelope.Sections[key] = domain.SectionReport{Status: domain.StatusOK}
	}
	return envelope
}

const anything = mock.Anything

// journal is a log that can be read.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(j, nil)) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newHandler(tb testing.TB, s ports.Snapshotter, opts ...httpapi.Option) http.Handler {
	tb.Helper()
	handler, err := httpapi.NewHandler(s, quiet(), append(opts, httpapi.Unspaced())...)
	require.NoError(tb, err)
	return handler
}

// ask calls the handler without a network. An envelope must be what the contract
// says.
func ask(handler http.Handler, method, target string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(method, target, nil))
	if method == http.MethodGet && recorder.Code == http.StatusOK && strings.HasPrefix(target, "/metrics") {
		if err := contracttest.Check(recorder.Body.Bytes()); err != nil {
			panic(err) // no test means to answer another
		}
	}
	return recorder
}

// running is a server that serves until stop is called, or the test ends.
type running struct {
	address string
	client  *http.Client
	stop    func() error
}

func (r running) url(target string) string { return "http://" + r.address + target }

func serve(t *testing.T, handler http.Handler) running {
	t.Helper()
	server := httpapi.NewServer("127.0.0.1:0", handler, time.Second, quiet())
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	return serveOn(t, server, listener)
}

func serveOn(t *testing.T, server *httpapi.Server, listener net.Listener) running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	transport := &http.Transport{}
	stop := sync.OnceValue(func() error {
		transport.CloseIdleConnections()
		cancel()
		return <-served
	})
	t.Cleanup(func() { assert.NoError(t, stop()) })
	return running{address: listener.Addr().String(), client: &http.Client{Transport: transport}, stop: stop}
}

// get answers the status and the body.
func (r running) get(t *testing.T, target string) (int, string) {
	t.Helper()
	response, err := r.client.Get(r.url(target))
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

// failureOf reads the code and the message of an answer that is a failure.
func failureOf(tb testing.TB, body []byte) (code, message string) {
	tb.Helper()
	var answer struct {
		Error struct{ Code, Message string }
	}
	require.NoError(tb, json.Unmarshal(body, &answer), string(body))
	require.NotEmpty(tb, answer.Error.Code)
	require.NotEmpty(tb, answer.Error.Message)
	return answer.Error.Code, answer.Error.Message
}
