package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/orchmetrics/orchmetrics/adapters/http/guard"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

const (
	jsonType = "application/json; charset=utf-8"
	// textPath has the text form, whatever the client accepts.
	textPath = "/metrics/prometheus"
)

// Text adds the text form: /metrics answers it to who asks for it by name, and
// /metrics/prometheus always.
func Text(writer ports.TextWriter) Option {
	return func(o *options) { o.text = writer }
}

// limited lets so many requests through at once. A client that reads slowly
// counts until it has all, or the server gives it up.
func limited(requests int) gin.HandlerFunc {
	slots := make(chan struct{}, requests)
	return func(c *gin.Context) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			c.Next()
		default:
			overloaded(c, "too many requests are under way")
		}
	}
}

func overloaded(c *gin.Context, message string) {
	c.Header("Retry-After", "1")
	refuse(c, http.StatusServiceUnavailable, "overloaded", message+"; try again in a second")
}

// metrics answers the envelope, narrowed to the sections of ?section=KEY, in the
// form that the client asks for.
func (a *api) metrics(c *gin.Context) {
	contentType := jsonType
	switch accept := c.Request.Header["Accept"]; {
	case c.FullPath() == textPath:
		contentType = string(weigh(accept).format())
	case a.text != nil && len(accept) > 0:
		if format, wanted := textWanted(accept); wanted {
			contentType = string(format)
		}
	}
	c.Writer.Header()["Vary"] = a.vary
	query, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		refuse(c, http.StatusBadRequest, "malformed_query", "the query string cannot be read")
		return
	}
	coding, ok := codingWanted(c.Request.Header["Accept-Encoding"])
	if !ok {
		refuseCoding(c)
		return
	}
	keys, scrapes := query["section"], a.whole
	if len(keys) > 0 {
		scrapes = a.narrowed
	}
	written := scrapes.ask(c.Request.Context(), keys, form{contentType, coding})
	switch {
	case errors.Is(written.err, errOverloaded):
		overloaded(c, written.err.Error())
	case errors.Is(written.err, ports.ErrUnknownSection):
		refuse(c, http.StatusBadRequest, "unknown_section", a.unknown(keys))
	case written.err != nil:
		refuse(c, http.StatusInternalServerError, "internal", "the snapshot failed; the log says why")
	default:
		c.Header("Content-Type", contentType)
		c.Header("Content-Encoding", written.coding) // of no effect if it is empty
		c.Header("Content-Length", strconv.Itoa(len(written.body)))
		c.Header("Cache-Control", "no-store")
		c.Header("X-Content-Type-Options", "nosniff")
		c.Status(http.StatusOK)
		c.Writer.WriteHeaderNow()
		a.outgoing.Send(c.Writer, written.body) // it may be long, and shared
	}
}

func refuseCoding(c *gin.Context) {
	refuse(c, http.StatusNotAcceptable, "not_acceptable", "there is zstd, gzip or no compression; let Accept-Encoding have one of them")
}

// unknown says which of the keys is the first that no section has, which there
// are, and which was meant.
func (a *api) unknown(keys []string) string {
	known := a.snapshots.Keys()
	for _, key := range keys {
		if slices.Contains(known, key) {
			continue
		}
		return fmt.Sprintf("unknown section %q; %s", guard.Shorten(key), domain.Choices(known, key))
	}
	return "unknown section; " + domain.Choices(known, "")
}
