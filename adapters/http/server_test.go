package httpapi_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/http"
)

func TestServeUntilTheContextEnds(t *testing.T) {
	server := serve(t, newHandler(t, snapshots{envelope: busy()}))
	status, body := server.get(t, "/metrics")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, `"schema_version":1`)
	require.NoError(t, server.stop())
	_, err := net.Dial("tcp", server.address)
	require.ErrorIs(t, err, syscall.ECONNREFUSED, "the port is free again")
}

// A request under way at the stop is answered, and no new one is accepted.
func TestGracefulStop(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	server := serve(t, newHandler(t, snapshots{envelope: busy(), before: func() { close(entered); <-release }}))
	answered := make(chan string, 1)
	go func() {
		response, err := server.client.Get(server.url("/metrics"))
		if err != nil {
			answered <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		answered <- response.Status + " " + string(body)
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- server.stop() }()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", server.address)
		if err == nil {
			conn.Close()
		}
		return err != nil
	}, 10*time.Second, time.Millisecond, "the stop has begun")
	select {
	case err := <-stopped:
		t.Fatalf("the server did not wait for the request: %v", err)
	default:
	}
	close(release)
	assert.Contains(t, <-answered, `200 OK {"schema_version":1`)
	require.NoError(t, <-stopped)
}

func TestServeAfterTheContextHasEnded(t *testing.T) {
	server := httpapi.NewServer("127.0.0.1:0", newHandler(t, snapshots{}), time.Second, quiet())
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, server.Serve(ctx, listener))
	require.ErrorIs(t, listener.Close(), net.ErrClosed, "it was closed")
}

func TestListenOnATakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	address := taken.Addr().String()
	_, err = httpapi.NewServer(address, newHandler(t, snapshots{}), time.Second, quiet()).Listen(t.Context())
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	assert.Contains(t, err.Error(), "listen on "+address)
}

func TestListenOnWhatIsNoAddress(t *testing.T) {
	for _, address := range []string{"nonsense", "127.0.0.1", "127.0.0.1:port", "127.0.0.1:99999", "[::1", "256.0.0.1:0"} {
		_, err := httpapi.NewServer(address, newHandler(t, snapshots{}), time.Second, quiet()).Listen(t.Context())
		require.ErrorContains(t, err, "listen on "+address)
	}
}

func TestServeOnABrokenListener(t *testing.T) {
	server := httpapi.NewServer("127.0.0.1:0", newHandler(t, snapshots{}), time.Second, quiet())
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	require.ErrorIs(t, server.Serve(t.Context(), listener), net.ErrClosed)
}

func TestLogOfTheLife(t *testing.T) {
	var log journal
	server := httpapi.NewServer("127.0.0.1:0", newHandler(t, snapshots{}), time.Second, log.logger())
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	r := serveOn(t, server, listener)
	status, _ := r.get(t, "/livez")
	assert.Equal(t, http.StatusOK, status)
	require.NoError(t, r.stop())
	assert.Contains(t, log.String(), `"msg":"serving","address":"`+r.address+`"`)
	assert.Contains(t, log.String(), `"msg":"stopping"`)
}

func TestHandlerIsTheOneGiven(t *testing.T) {
	handler := newHandler(t, snapshots{envelope: busy()})
	server := httpapi.NewServer("", handler, time.Second, quiet())
	assert.Equal(t, http.StatusOK, ask(server.Handler(), "GET", "/livez").Code)
}
