package httpapi

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"sync"
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

// handler answers the document, or 304 to a reader that has it already.
func (d Document) handler() gin.HandlerFunc {
	compressed := d.representations()
	return func(c *gin.Context) {
		c.Header("Vary", "Accept-Encoding")
		wanted, ok := codingWanted(c.Request.Header["Accept-Encoding"])
		if !ok {
			refuseCoding(c)
			return
		}
		r := compressed(wanted)
		c.Header("Content-Type", d.ContentType)
		c.Header("Content-Encoding", r.encoding)              // of no effect if it is empty
		c.Header("Content-Length", strconv.Itoa(len(r.body))) // net/http leaves it out beside a Content-Encoding
		c.Header("Cache-Control", "no-cache")                 // keep it, and ask each time whether it still holds
		c.Header("X-Content-Type-Options", "nosniff")
		c.Header("Referrer-Policy", "no-referrer")
		if d.Policy != "" {
			c.Header("Content-Security-Policy", d.Policy)
		}
		c.Header("ETag", r.tag)
		http.ServeContent(c.Writer, c.Request, "", time.Time{}, bytes.NewReader(r.body))
	}
}

// representation is a document in one coding.
type representation struct {
	body     []byte
	encoding string // as Content-Encoding has it
	tag      string
}

// representations returns what makes each once. The tag is made of the content, so
// that it holds across restarts, and is another one in each coding (RFC 9110, section
// 8.8.3.3).
func (d Document) representations() func(coding) representation {
	sum := sha256.Sum256(d.Body)
	var mu sync.Mutex
	made := map[coding]representation{}
	return func(c coding) representation {
		mu.Lock()
		defer mu.Unlock()
		r, known := made[c]
		if !known {
			r.body, r.encoding = c.compress(d.Body)
			r.tag = fmt.Sprintf(`"%x"`, sum[:16])
			if r.encoding != "" {
				r.tag = fmt.Sprintf(`"%x-%s"`, sum[:16], r.encoding)
			}
			made[c] = r
		}
		return r
	}
}
