package httpapi

import (
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// If the listener of the probes dies, the service ends, and says which it was.
func TestHealthListenerDies(t *testing.T) {
	server := NewServer("127.0.0.1:0", http.NotFoundHandler(), time.Second, silent(), Health("127.0.0.1:0", nil, time.Second, silent()))
	listener, err := server.Listen(t.Context())
	require.NoError(t, err)
	require.NoError(t, server.ListenHealth(t.Context()))
	served := make(chan error, 1)
	go func() { served <- server.Serve(t.Context(), listener) }()
	require.NoError(t, server.health.listener.Close())
	err = <-served
	require.ErrorIs(t, err, net.ErrClosed)
	require.ErrorContains(t, err, "serve health: ")
	_, err = net.Dial("tcp", listener.Addr().String())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

// The probes have the limits of the other server.
func TestHealthHasLimits(t *testing.T) {
	server := NewServer("", http.NotFoundHandler(), time.Second, silent(), Health("", nil, time.Second, silent()))
	for _, s := range []*http.Server{server.http, server.health.http} {
		require.Equal(t, headerTimeout, s.ReadHeaderTimeout)
		require.Equal(t, 32<<10, s.MaxHeaderBytes)
		require.True(t, s.Protocols.HTTP1())
		require.False(t, s.Protocols.HTTP2() || s.Protocols.UnencryptedHTTP2())
	}
}
