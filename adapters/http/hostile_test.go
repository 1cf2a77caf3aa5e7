package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dial opens a connection that speaks whatever it likes.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// exchange sends bytes and reads the first answer.
func exchange(t *testing.T, address, sent string) (status int, header http.Header, answer string) {
	t.Helper()
	conn := dial(t, address)
	go io.WriteString(conn, sent) // the server may hang up before it has read all
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Header, string(body)
}

// Connections that never finish their header keep nobody from being served.
func TestSlowLoris(t *testing.T) {
	server := serve(t, newHandler(t, snapshots{envelope: busy()}))
	var held []net.Conn
	for i := range 200 {
		conn := dial(t, server.address)
		_, err := fmt.Fprintf(conn, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Half: %d", i)
		require.NoError(t, err)
		held = append(held, conn)
	}
	for range 20 {
		for _, target := range []string{"/metrics", "/readyz", "/livez"} {
			status, _ := server.get(t, target)
			assert.Equal(t, http.StatusOK, status)
		}
	}
	for _, conn := range held { // so that the stop need not wait for their time-out
		require.NoError(t, conn.Close())
	}
}

func TestOversizedHeaders(t *testing.T) {
	server := serve(t, newHandler(t, snapshots{envelope: busy()}))
	repeated := func(times int) string { return "/metrics?" + strings.Repeat("section=queue&", times)[:14*times-1] }
	cases := map[string]struct {
		request string
		status  int
	}{
		"one header":        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Long: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", 431},
		"many headers":      {"GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("X-Many: 1\r\n", 10000) + "\r\n", 431},
		"a section 10,000×": {"GET " + repeated(10000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 431},
		"a section 2,000×":  {"GET " + repeated(2000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
		"a long path":       {"GET /" + strings.Repeat("a", 64<<10) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 431},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			status, _, _ := exchange(t, server.address, c.request)
			assert.Equal(t, c.status, status)
		})
	}
	status, _ := server.get(t, "/metrics")
	assert.Equal(t, http.StatusOK, status)
}

func TestAbsurdRequests(t *testing.T) {
	server := serve(t, newHandler(t, snapshots{envelope: busy()}))
	cases := map[string]struct {
		line   string
		status int
	}{
		"a long path":          {"GET /" + strings.Repeat("a/", 10000), 404},
		"NUL":                  {"GET /%00", 404},
		"NUL behind":           {"GET /metrics%00", 404},
		"up":                   {"GET /../../../etc/passwd", 404},
		"up, escaped":          {"GET /%2e%2e%2f%2e%2e%2fetc/passwd", 404},
		"up and down":          {"GET /x/../metrics", 404},
		"empty parts":          {"GET //metrics", 404},
		"only slashes":         {"GET ////", 404},
		"not UTF-8":            {"GET /%ff%fe", 404},
		"another host's":       {"GET http://example.org/metrics", 421},
		"another host's path":  {"GET http://example.org/x", 421},
		"the server as such":   {"OPTIONS *", 404},
		"preflight":            {"OPTIONS /metrics", 405},
		"a tunnel":             {"CONNECT example.org:443", 421},
		"a made-up method":     {"BREW /metrics", 405},
		"a long made-up one":   {strings.Repeat("M", 5000) + " /metrics", 405},
		"markup":               {"GET /<script>alert(1)</script>", 404},
		"escaped metrics":      {"GET /%6d%65trics", 200},
		"a bad escape":         {"GET /%zz", 400},
		"no path":              {"GET metrics", 400},
		"a query with escapes": {"GET /metrics?section=%2e%2e%2f", 400},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			status, header, body := exchange(t, server.address, c.line+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
			assert.Equal(t, c.status, status)
			assert.Less(t, len(body), 2000)
			assert.NotContains(t, body, "<script>")
			if status != http.StatusBadRequest { // which net/http answers itself
				assert.Equal(t, "application/json; charset=utf-8", header.Get("Content-Type"))
			}
			for key := range header {
				assert.NotContains(t, key, "Access-Control")
			}
		})
	}
}

func TestBodyOfAGetIsIgnored(t *testing.T) {
	server := serve(t, newHandler(t, snapshots{envelope: busy()}))
	bodies := map[string]string{
		"short":             "Content-Length: 15\r\n\r\nsection=nothing",
		"in chunks":         "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
		"announced, unsent": "Content-Length: 1000000000000\r\n\r\n",
		"expected":          "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
		"large":             "Content-Length: 5000000\r\n\r\n" + strings.Repeat("x", 5_000_000),
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			status, _, answer := exchange(t, server.address, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"+body)
			assert.Equal(t, http.StatusOK, status)
			assert.Contains(t, answer, `"schema_version":1`)
		})
	}
}

func TestPipelining(t *testing.T) {
	server := serve(t, newHandler(t, snapshots{envelope: busy()}))
	conn := dial(t, server.address)
	targets := []string{"/livez", "/metrics", "/nothing", "/readyz", "/metrics?section=x", "/livez"}
	statuses := []int{200, 200, 404, 200, 400, 200}
	var requests strings.Builder
	for _, target := range targets {
		fmt.Fprintf(&requests, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target)
	}
	_, err := io.WriteString(conn, requests.String())
	require.NoError(t, err)
	reader := bufio.NewReader(conn)
	for i, target := range targets {
		response, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, statuses[i], response.StatusCode, target)
	}
}
