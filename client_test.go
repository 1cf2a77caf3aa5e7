package orchmetrics

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestClient_AsksOnLoopback: an address to listen on is not always one to ask.
// Linux takes 0.0.0.0 for loopback, other systems do not.
func TestClient_AsksOnLoopback(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:9099": "http://127.0.0.1:9099", "192.0.2.7:9099": "http://192.0.2.7:9099", "localhost:9099": "http://localhost:9099",
		":9099": "http://127.0.0.1:9099", "0.0.0.0:9099": "http://127.0.0.1:9099", "[::]:9099": "http://[::1]:9099",
		"[2001:db8::7]:9099": "http://[2001:db8::7]:9099", "unix:/run/metrics.sock": "http://localhost",
	} {
		client, base := Client(address)
		assert.Equal(t, want, base, address)
		assert.Nil(t, client.Transport.(*http.Transport).Proxy, "a service on this host needs no proxy")
	}
}
