package httpapi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// authority signs certificates, as an owner's would.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	serial      int64
}

func newAuthority(tb testing.TB) *authority {
	tb.Helper()
	a := &authority{}
	a.certificate, a.key = a.sign(tb, &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

// sign makes a key and its certificate; the first is the authority's own.
func (a *authority) sign(tb testing.TB, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	a.serial++
	template.SerialNumber = big.NewInt(a.serial)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	require.NoError(tb, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(tb, err)
	return certificate, key
}

// issue writes a certificate for this host, and its key, as NAME.crt and NAME.key.
func (a *authority) issue(tb testing.TB, dir, name string) *x509.Certificate {
	tb.Helper()
	certificate, key := a.sign(tb, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(tb, err)
	a.write(tb, filepath.Join(dir, name+".crt"), "CERTIFICATE", certificate.Raw)
	a.write(tb, filepath.Join(dir, name+".key"), "PRIVATE KEY", der)
	return certificate
}

// publish writes the authority's own certificate.
func (a *authority) publish(tb testing.TB, path string) {
	tb.Helper()
	a.write(tb, path, "CERTIFICATE", a.certificate.Raw)
}

func (*authority) write(tb testing.TB, path, kind string, der []byte) {
	tb.Helper()
	replace(tb, path, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

// client is what a reader who trusts the authority connects with.
func (a *authority) client(certificates ...tls.Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return &tls.Config{RootCAs: pool, Certificates: certificates, NextProtos: []string{"h2", "http/1.1"}}
}

// replace puts a file into the place of another.
func replace(tb testing.TB, path, content string) {
	tb.Helper()
	require.NoError(tb, os.WriteFile(path+".new", []byte(content), 0o600))
	require.NoError(tb, os.Rename(path+".new", path))
}

// hashOf is what a web config has of a password. It is as cheap as it may be.
func hashOf(tb testing.TB, password string) string {
	tb.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	require.NoError(tb, err)
	return string(hash)
}
