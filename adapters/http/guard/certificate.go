package guard

import (
	"crypto/tls"
	"crypto/x509"
	"sync"
	"time"
)

// certificate is the server's own. Its file is read anew when it was last read
// more than a second ago, so that it may be renewed.
type certificate struct {
	mu   sync.Mutex
	load func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	leaf *x509.Certificate // nil if it could not be read
	read time.Time
}

// from has the certificate read as a server of this configuration does that.
func (c *certificate) from(config *tls.Config) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.load, c.read = config.GetCertificate, time.Time{}
}

// certifies tells whether the certificate is for a name.
func (c *certificate) certifies(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.load != nil && time.Since(c.read) > time.Second {
		c.leaf, c.read = nil, time.Now()
		if pair, err := c.load(nil); err == nil {
			c.leaf = pair.Leaf
		}
	}
	return c.leaf != nil && c.leaf.VerifyHostname(name) == nil
}
