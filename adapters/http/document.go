package httpapi

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// Document is a page that stays the same while the service runs.
type Document struct {
	Path        string
	ContentType string
	Body        []byte
	// Policy is its Content-Security-Policy, if a browser is to show it.
	Policy string
}

// Documents adds pages to the routes.
func Documents(documents ...Document) Option {
	return func(o *options) { o.documents = append(o.documents, documents...) }
}

// handler answers the document, or 304 to a reader that has it already. The tag
// is made of the content, so that it holds across restarts.
func (d Document) handler() gin.HandlerFunc {
	sum := sha256.Sum256(d.Body)
	tag := fmt.Sprintf(`"%x"`, sum[:16])
	return func(c *gin.Context) {
		c.Header("Content-Type", d.ContentType)
		c.Header("Cache-Control", "no-cache") // keep it, and ask each time whether it still holds
		c.Header("X-Content-Type-Options", "nosniff")
		c.Header("Referrer-Policy", "no-referrer")
		if d.Policy != "" {
			c.Header("Content-Security-Policy", d.Policy)
		}
		c.Header("ETag", tag)
		http.ServeContent(c.Writer, c.Request, "", time.Time{}, bytes.NewReader(d.Body))
	}
}
