package orchmetrics

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/orchmetrics/orchmetrics/adapters/http/guard"
)

// clientTimeout is how long one answer may take, however the caller's context is.
const clientTimeout = time.Minute

// Client returns a client of a server on this host that listens on the address,
// and the URL to which paths are appended. It asks the server itself: no proxy,
// and no redirect is followed. An address that is every interface's is asked on
// loopback.
func Client(address string) (client *http.Client, base string) {
	client = &http.Client{
		Transport:     transportTo(address),
		Timeout:       clientTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return client, "http://" + hostOf(address)
}

// unixPrefix begins an address that is the path of a socket.
const unixPrefix = "unix:"

func transportTo(address string) *http.Transport {
	transport := &http.Transport{}
	if path, socket := strings.CutPrefix(address, unixPrefix); socket {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	return transport
}

// hostOf is the host and port at which a server that listens on an address is
// asked.
func hostOf(address string) string {
	if strings.HasPrefix(address, unixPrefix) {
		return "localhost"
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address // the request tells what is wrong with it
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

// Access is what a client shows to be let in, and whom it trusts. The zero value
// shows nothing.
type Access struct {
	// User and the first line of PasswordFile are sent if User is set.
	User, PasswordFile string
	// CAFile has the authorities whose certificates are trusted instead of the
	// host's, in PEM.
	CAFile string
	// CertFile and KeyFile are the client's own certificate, in PEM.
	CertFile, KeyFile string
	// Insecure trusts any certificate.
	Insecure bool
}

// ErrCertificateWanted is wrapped by the error of a request to a service that lives
// (it has shown the certificate of its web config) but lets nobody in without a
// certificate, when none was shown.
var ErrCertificateWanted = errors.New("the service asks for a client certificate")

// ClientOf returns a client of a service, and the URL to which paths are appended.
// The address is one to listen on, as [Client] takes it, or a URL. Whether the
// service speaks TLS at an address to listen on is read in cfg.WebConfigFile, or
// seen from what access has for it; the certificate that the file names is trusted
// at any address. An error repeats no
// part of the address, which may hold a password.
func ClientOf(cfg Config, address string, access Access) (*http.Client, *url.URL, error) {
	var own guard.WebClient
	if cfg.WebConfigFile != "" {
		var err error
		if own, err = guard.ReadWebClient(cfg.WebConfigFile); err != nil {
			return nil, nil, fmt.Errorf("ORCH_WEB_CONFIG_FILE: %w", err)
		}
	}
	base, err := baseOf(address, own.Certificate != nil || access.CAFile != "" || access.CertFile != "")
	if err != nil {
		return nil, nil, err
	}
	if access.User != "" {
		password, err := firstLine(access.PasswordFile)
		if err != nil {
			return nil, nil, fmt.Errorf("--password-file: %w", err)
		}
		base.User = url.UserPassword(access.User, password)
	}
	client, _ := Client(address)
	transport := transportTo(address)
	met := new(atomic.Bool)
	if transport.TLSClientConfig, err = access.tls(base.Hostname(), own.Certificate, met); err != nil {
		return nil, nil, err
	}
	client.Transport = transport
	if own.WantsCertificate && access.CertFile == "" {
		client.Transport = &uncertified{Transport: transport, met: met}
	}
	return client, base, nil
}

// baseOf is the URL of an address.
func baseOf(address string, secure bool) (*url.URL, error) {
	if !strings.Contains(address, "://") {
		base := &url.URL{Scheme: "http", Host: hostOf(address)}
		if secure {
			base.Scheme = "https"
		}
		_, _, err := net.SplitHostPort(address)
		if err == nil || strings.HasPrefix(address, unixPrefix) && address != unixPrefix {
			return base, nil
		}
	} else if base, err := url.Parse(address); err == nil && base.Host != "" && (base.Scheme == "http" || base.Scheme == "https") {
		return base, nil
	}
	return nil, errors.New("the address is none of a service; write http://HOST:PORT, https://HOST:PORT or unix:/PATH")
}

// tls is whom the client of a host trusts and what it shows. The service's own certificate is
// trusted by whatever name it is asked; met is set when it has shown it.
func (a Access) tls(host string, own *x509.Certificate, met *atomic.Bool) (*tls.Config, error) {
	config := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // VerifyConnection verifies
	var roots *x509.CertPool                        // nil for those of the host
	if a.CAFile != "" {
		authorities, err := os.ReadFile(filepath.Clean(a.CAFile))
		if err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("--ca-file: %s has no certificate in PEM", a.CAFile)
		}
	}
	if a.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(a.CertFile, a.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("--cert and --key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if own != nil && own.Equal(state.PeerCertificates[0]) {
			met.Store(true)
			return nil
		}
		if a.Insecure {
			return nil
		}
		return verify(state, host, roots)
	}
	return config, nil
}

// verify is what crypto/tls does by itself (see the example of
// [tls.Config.VerifyConnection]). The name that the state has is empty for an
// address.
func verify(state tls.ConnectionState, host string, roots *x509.CertPool) error {
	opts := x509.VerifyOptions{Roots: roots, DNSName: host, Intermediates: x509.NewCertPool()}
	for _, issuer := range state.PeerCertificates[1:] {
		opts.Intermediates.AddCert(issuer)
	}
	_, err := state.PeerCertificates[0].Verify(opts)
	return err //nolint:wrapcheck // says what is wrong with the certificate
}

// uncertified asks a service that wants a certificate, without one. How the service
// refuses depends on the version of TLS and on which of both is faster; that it has
// shown its own certificate before tells that it lives.
type uncertified struct {
	*http.Transport

	met *atomic.Bool
}

// RoundTrip implements http.RoundTripper.
func (u *uncertified) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := u.Transport.RoundTrip(request)
	if err != nil && u.met.Load() {
		return nil, fmt.Errorf("%w: %w", ErrCertificateWanted, err)
	}
	return response, err
}

// firstLine is a secret as files hold it, with or without an end of line.
func firstLine(path string) (string, error) {
	content, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(content), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}
