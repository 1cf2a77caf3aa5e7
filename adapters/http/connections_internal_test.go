package httpapi

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// idleEnough is how long a client must have let the server wait to make room.
const idleEnough = 20 * time.Millisecond

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// serveHere serves until the test ends.
func serveHere(t *testing.T, server *Server) (address string) {
	t.Helper()
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-served)
	})
	return listener.Addr().String()
}

func connect(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// askOn asks once on a connection, and leaves it open.
func askOn(conn net.Conn) (int, http.Header, error) {
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return 0, nil, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, response.Header, err
}

// closedByServer tells whether a connection on which nothing more is to come ends.
func closedByServer(conn net.Conn) bool {
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	_, err := conn.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// TestConnections_IdleOnesMakeRoom: whoever connects and asks is answered, however
// many connections are open on which nobody asks.
func TestConnections_IdleOnesMakeRoom(t *testing.T) {
	server := NewServer("127.0.0.1:0", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), time.Second, silent())
	server.most = 3
	address := serveHere(t, server)
	kept := connect(t, address)
	status, _, err := askOn(kept)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	silent := []net.Conn{connect(t, address), connect(t, address)}
	for range 5 {
		time.Sleep(2 * idleEnough) // for the others to be idle for that long
		status, _, err := askOn(connect(t, address))
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, status)
	}
	for _, conn := range append(silent, kept) {
		assert.True(t, closedByServer(conn))
	}
}

// TestConnections_RefusedIfAllAreAtWork: a client is told so, and its connection is closed.
func TestConnections_RefusedIfAllAreAtWork(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	server := NewServer("127.0.0.1:0", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-release }), time.Second, silent())
	server.most = 2
	address := serveHere(t, server)
	answered := make(chan int, server.most)
	for range server.most {
		conn := connect(t, address)
		go func() {
			status, _, _ := askOn(conn)
			answered <- status
		}()
		<-entered
	}
	time.Sleep(2 * idleEnough)
	refused := connect(t, address)
	response, err := http.ReadResponse(bufio.NewReader(refused), nil)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	assert.Equal(t, "1", response.Header.Get("Retry-After"))
	assert.True(t, response.Close)
	assert.JSONEq(t, `{"error":{"code":"overloaded","message":"too many connections are open; try again in a second"}}`, string(body))
	close(release)
	for range server.most {
		assert.Equal(t, http.StatusOK, <-answered, "those at work were left in peace")
	}
}

// TestConnections_StalledReadersMakeRoom: a connection whose client does not read is
// not at work.
func TestConnections_StalledReadersMakeRoom(t *testing.T) {
	server := NewServer("127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.URL.Path == "/endless" {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}), time.Second, silent())
	server.most = 1
	server.http.WriteTimeout = time.Hour
	address := serveHere(t, server)
	stalled := connect(t, address)
	_, err := io.WriteString(stalled, "GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		conn := connect(t, address)
		defer conn.Close()
		status, _, err := askOn(conn)
		return err == nil && status == http.StatusOK
	}, 20*time.Second, idleEnough, "it stalls once the kernel holds all it may")
}

// TestConnections_BodiesAreNotWaitedFor: a request whose body does not come is answered,
// and keeps its connection for no longer.
func TestConnections_BodiesAreNotWaitedFor(t *testing.T) {
	server := NewServer("127.0.0.1:0", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), time.Second, silent())
	server.most = 1
	server.http.ReadTimeout = time.Hour
	address := serveHere(t, server)
	waiting := connect(t, address)
	_, err := io.WriteString(waiting, "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n")
	require.NoError(t, err)
	require.NoError(t, waiting.SetReadDeadline(time.Now().Add(20*time.Second)))
	response, err := http.ReadResponse(bufio.NewReader(waiting), nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusOK, response.StatusCode)
	assert.True(t, closedByServer(waiting))
}

// TestConnections_TheKernelHoldsLittle: for a client that does not read, it would
// take megabytes by itself.
func TestConnections_TheKernelHoldsLittle(t *testing.T) {
	taken := make(chan int, 1)
	server := NewServer("127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		total := 0
		for {
			written, err := w.Write(make([]byte, 16<<10))
			total += written
			if err != nil {
				break
			}
		}
		taken <- total
	}), time.Second, silent())
	conn := connect(t, serveHere(t, server))
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	assert.Less(t, <-taken, 512<<10)
}
