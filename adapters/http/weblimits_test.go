package httpapi_test

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/http"
)

// What holds without a web config holds with one.
func TestLimitsHoldWithAWebConfig(t *testing.T) {
	entered, release := make(chan struct{}, 1), make(chan struct{})
	s := newSite(t, withTLS+withPasswords, newHandler(t, snapshots{envelope: busy(), before: func() { entered <- struct{}{}; <-release }}, httpapi.MaxInFlight(1)))
	first := make(chan int, 1)
	transport := &http.Transport{TLSClientConfig: s.authority.client()}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequest(http.MethodGet, s.address+"/metrics", nil)
	require.NoError(t, err)
	request.SetBasicAuth("reader", "right")
	go func() {
		response, err := transport.RoundTrip(request)
		if err != nil {
			first <- 0
			return
		}
		response.Body.Close()
		first <- response.StatusCode
	}()
	<-entered
	assert.Equal(t, http.StatusServiceUnavailable, s.status(t, "/metrics"), "requests in flight")
	assert.Equal(t, http.StatusOK, s.status(t, "/livez"))
	close(release)
	assert.Equal(t, http.StatusOK, <-first)

	conn, err := tls.Dial("tcp", s.host(), s.authority.client())
	require.NoError(t, err)
	defer conn.Close()
	var long bytes.Buffer
	long.WriteString("GET /livez HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte("reader:right")) + "\r\nX-Long: ")
	long.WriteString(strings.Repeat("a", 64<<10) + "\r\n\r\n")
	go conn.Write(long.Bytes())
	answer, _ := io.ReadAll(conn)
	assert.Contains(t, string(answer), "431 ", "the size of a header")
}

// A panic behind the toolkit's handler is ours to answer.
func TestPanicWithAWebConfig(t *testing.T) {
	s := newSite(t, withPasswords, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }))
	for range 2 {
		response, body, err := s.try(t, http.MethodGet, "/metrics", "reader", "right")
		require.NoError(t, err)
		assert.Equal(t, http.StatusInternalServerError, response.StatusCode)
		code, _ := failureOf(t, []byte(body))
		assert.Equal(t, "internal", code)
	}
	assert.Contains(t, s.log.String(), "boom")
}

// Connections that never finish their handshake keep nobody from being served.
func TestSlowHandshakes(t *testing.T) {
	t.Parallel()
	s := newSite(t, withTLS+withPasswords, newHandler(t, snapshots{envelope: busy()}))
	var held []net.Conn
	for i := range 200 {
		conn := dial(t, s.host())
		if i%2 == 0 { // the beginning of a handshake that never goes on
			_, err := conn.Write([]byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01})
			require.NoError(t, err)
		}
		held = append(held, conn)
	}
	for range 10 {
		assert.Equal(t, http.StatusOK, s.status(t, "/metrics"))
	}
	require.NoError(t, held[0].SetReadDeadline(time.Now().Add(time.Minute)))
	_, err := io.ReadAll(held[0])
	require.NoError(t, err, "the server hangs up by itself")
	for _, conn := range held {
		require.NoError(t, conn.Close())
	}
}
