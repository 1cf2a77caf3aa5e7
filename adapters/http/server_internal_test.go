package httpapi

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// net/http sets no limits by itself.
func TestServerHasLimits(t *testing.T) {
	const scrape = time.Minute
	server := NewServer("", http.NotFoundHandler(), scrape, slog.New(slog.DiscardHandler))
	assert.Equal(t, 5*time.Second, server.http.ReadHeaderTimeout)
	assert.Equal(t, 10*time.Second, server.http.ReadTimeout)
	assert.Greater(t, server.http.WriteTimeout, scrape, "a slow scrape is still answered")
	assert.Equal(t, 20*time.Second, server.http.IdleTimeout)
	assert.Equal(t, 32<<10, server.http.MaxHeaderBytes)
	assert.Less(t, server.grace, 5*time.Second, "a stop is over within five seconds, whatever is under way")
}

// A request that outlives the grace is cut off, which the log says and is no failure.
func TestStopDoesNotWaitForEver(t *testing.T) {
	entered, left := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done() // when its connection is cut
		close(left)
	})
	var log strings.Builder
	server := NewServer("127.0.0.1:0", handler, time.Second, slog.New(slog.NewTextHandler(&log, nil)))
	server.grace = time.Millisecond
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()

	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	require.NoError(t, err)
	<-entered
	cancel()
	require.NoError(t, <-served)
	assert.Contains(t, log.String(), "cut off")
	<-left
}

// A connection on which nothing was asked is nothing to wait for.
func TestStopDoesNotWaitForTheSilent(t *testing.T) {
	var log strings.Builder
	server := NewServer("127.0.0.1:0", http.NotFoundHandler(), time.Second, slog.New(slog.NewTextHandler(&log, nil)))
	server.grace = 2 * time.Second // net/http waits longer for them
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	silent, half := connect(t, listener.Addr().String()), connect(t, listener.Addr().String())
	_, err = half.Write([]byte("GET / HTTP/1.1\r\nHost: loc"))
	require.NoError(t, err)
	asked := connect(t, listener.Addr().String())
	_, _, err = askOn(asked) // the others were accepted before
	require.NoError(t, err)
	time.Sleep(2 * idleEnough)
	cancel()
	require.NoError(t, <-served)
	assert.NotContains(t, log.String(), "cut off")
	for _, conn := range []net.Conn{silent, half, asked} {
		assert.True(t, closedByServer(conn))
	}
}
