package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writeTLS writes tls.yml, and a certificate with its key for it.
func writeTLS(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for name, content := range map[string][]byte{
		"tls.yml": []byte("tls_server_config: {cert_file: tls.crt, key_file: tls.key}\n"),
		"tls.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		"tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
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
