package main

import (
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writeTLS writes tls.yml, and for it the certificate and key that net/http's
// tests have.
func writeTLS(t *testing.T) {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	for name, content := range map[string][]byte{
		"tls.yml": []byte("tls_server_config: {cert_file: tls.crt, key_file: tls.key}\n"),
		"tls.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		"tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	} {
		require.NoError(t, os.WriteFile(name, content, 0o600))
	}
}

func TestExposed(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1": false, "127.8.9.10": false, "::1": false,
		"0.0.0.0": true, "::": true, "192.0.2.7": true, "2001:db8::7": true,
	} {
		assert.Equal(t, want, exposed(&net.TCPAddr{IP: net.ParseIP(address)}), address)
	}
	assert.False(t, exposed(&net.UnixAddr{Name: "/run/metrics.sock"}))
}
