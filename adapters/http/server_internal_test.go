package httpapi

import (
	"context"
	"log/slog"
	"net"
	"net/http"
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
	assert.Equal(t, 2*time.Minute, server.http.IdleTimeout)
	assert.Equal(t, 32<<10, server.http.MaxHeaderBytes)
	assert.Greater(t, server.grace, scrape, "at the stop too")
	assert.Greater(t, server.grace, server.http.ReadHeaderTimeout, "a connection without a request is no reason to fail")
}

// A request that outlives the grace is cut off, and the stop says so.
func TestStopDoesNotWaitForEver(t *testing.T) {
	entered, left := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done() // when its connection is cut
		close(left)
	})
	server := NewServer("127.0.0.1:0", handler, time.Second, slog.New(slog.DiscardHandler))
	server.grace = time.Millisecond
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()

	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	require.NoError(t, err)
	<-entered
	cancel()
	err = <-served
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "did not finish")
	<-left
}
