package guard

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
)

// WebClient is what a client of a server knows from the server's own web config.
type WebClient struct {
	// Certificate is what the server shows; nil if it has no TLS.
	Certificate *x509.Certificate
	// WantsCertificate tells whether it lets nobody in without one of their own.
	WantsCertificate bool
}

// ReadWebClient reads the web config of a server on this host, and of what it names
// the certificate alone: a client has no need of the key. The error repeats no
// secret of the file.
func ReadWebClient(path string) (WebClient, error) {
	if err := regular(path); err != nil {
		return WebClient{}, err
	}
	content, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return WebClient{}, err
	}
	var config web.Config
	if err := yaml.Unmarshal(content, &config); err != nil {
		return WebClient{}, errors.New(discreet(err.Error()))
	}
	if !config.TLSConfig.IsEnabled() {
		return WebClient{}, nil
	}
	config.TLSConfig.SetDirectory(filepath.Dir(path))
	chain := []byte(config.TLSConfig.TLSCert)
	if name := config.TLSConfig.TLSCertPath; name != "" {
		if chain, err = os.ReadFile(filepath.Clean(name)); err != nil {
			return WebClient{}, fmt.Errorf("cert_file: %w", err)
		}
	}
	block, _ := pem.Decode(chain)
	if block == nil {
		return WebClient{}, errors.New("the certificate is not in PEM")
	}
	shown, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return WebClient{}, fmt.Errorf("read the certificate: %w", err)
	}
	return WebClient{Certificate: shown, WantsCertificate: strings.HasPrefix(config.TLSConfig.ClientAuth, "Require")}, nil
}
