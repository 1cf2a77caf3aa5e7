package orchmetrics

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"
)

// clientTimeout is how long one answer may take, however the caller's context is.
const clientTimeout = time.Minute

// Client returns a client of a server on this host that listens on the address,
// and the URL to which paths are appended. It asks the server itself: no proxy,
// and no redirect is followed. An address that is every interface's is asked on
// loopback.
func Client(address string) (client *http.Client, base string) {
	transport := &http.Transport{}
	client = &http.Client{
		Transport:     transport,
		Timeout:       clientTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if path, socket := strings.CutPrefix(address, "unix:"); socket {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
		return client, "http://localhost"
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return client, "http://" + address // the request tells what is wrong with it
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return client, "http://" + net.JoinHostPort(host, port)
}
