package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRecord_OutlivesFailures: what fails is left out, and told of.
func TestRecord_OutlivesFailures(t *testing.T) {
	var asked atomic.Int64
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/metrics", r.URL.Path)
		switch asked.Add(1) {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			_, _ = w.Write([]byte(`{"schema_version": 1,`))
		case 3:
			_, _ = w.Write([]byte(`{"status":"ok"}`)) // as /livez answers
		case 4:
			_, _ = w.Write([]byte(`{"schema_version":1,"agents":{}}`))
		default:
			_, _ = w.Write([]byte("{\n  \"schema_version\": 1\n}\n"))
		}
	}))
	defer service.Close()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), []string{"record", "--every=20ms", "--for=400ms", "--url=" + service.URL}, &stdout, &stderr)
	require.Zero(t, status, &stderr)
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	assert.Greater(t, len(lines), 2)
	for _, line := range lines {
		assert.JSONEq(t, `{"schema_version":1}`, line)
		assert.NotContains(t, line, " ", "one line each, compact")
	}
	assert.Equal(t, 4, strings.Count(stderr.String(), "answer left out"))
}

func TestRecord_StopsAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"schema_version":1}`))
		time.AfterFunc(50*time.Millisecond, cancel)
	}))
	defer service.Close()
	var stdout, stderr bytes.Buffer
	began := time.Now()
	assert.Zero(t, run(ctx, []string{"record", "--every=1h", "--for=0", "--url=" + service.URL}, &stdout, &stderr), &stderr)
	assert.Less(t, time.Since(began), 10*time.Second)
	assert.Equal(t, `{"schema_version":1}`+"\n", stdout.String())
}

func TestRecord_NothingIsAFailure(t *testing.T) {
	for name, args := range map[string][]string{
		"nobody answers": {"--every=20ms", "--for=100ms", "--url=http://127.0.0.1:1"},
		"no address":     {"--url=elsewhere"},
		"no pace":        {"--every=0s"},
		"backwards":      {"--for=-1s"},
	} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, exitFailed, run(t.Context(), append([]string{"record"}, args...), &stdout, &stderr), name)
		assert.Empty(t, stdout.String())
		assert.NotEmpty(t, stderr.String())
	}
}

// full is a standard output that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestRecord_NowhereToWrite(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"schema_version":1}`)) }))
	defer service.Close()
	var stderr bytes.Buffer
	assert.Equal(t, exitFailed, run(t.Context(), []string{"record", "--every=1h", "--for=0", "--url=" + service.URL}, full{}, &stderr))
	assert.Equal(t, "api: write recording: no space left on device\n", stderr.String())
}

// A URL may hold a password, which is nobody else's business.
func TestRecord_PasswordStaysSecret(t *testing.T) {
	var answer atomic.Int64 // a poll may still be under way when its recording has ended
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		assert.Equal(t, "hunter2", password)
		w.WriteHeader(int(answer.Load()))
	}))
	defer service.Close()
	for _, c := range []struct {
		url    string
		answer int
	}{{service.URL, http.StatusOK}, {service.URL, http.StatusUnauthorized}, {"http://127.0.0.1:1", http.StatusOK}, {"http://%zz", http.StatusOK}, {"http:", http.StatusOK}} {
		answer.Store(int64(c.answer))
		var stdout, stderr bytes.Buffer
		url := strings.Replace(c.url, "http:", "http://reader:hunter2@", 1)
		url = strings.Replace(url, "@//", "@", 1)
		assert.Equal(t, exitFailed, run(t.Context(), []string{"record", "--every=20ms", "--for=100ms", "--url=" + url}, &stdout, &stderr), url)
		assert.NotContains(t, stderr.String(), "hunter2")
	}
}

func TestServe_FixtureThatIsNone(t *testing.T) {
	for args, says := range map[string]string{
		"--fixture=scenario:nope":                     "there are idle, busy",
		"--fixture=/nowhere.jsonl":                    "no such file",
		"--fixture=scenario:idle --fixture-step=tick": "fixture-step",
	} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, exitFailed, run(t.Context(), append([]string{"serve"}, strings.Fields(args)...), &stdout, &stderr))
		assert.Contains(t, stderr.String(), says)
	}
}
