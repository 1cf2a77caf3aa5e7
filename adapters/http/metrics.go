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

const jsonType = "application/json; charset=utf-8"

// metrics answers the envelope, narrowed to the sections of ?section=KEY, in the
// form that the client asks for.
func (a *api) metrics(c *gin.Context) {
	contentType := jsonType
	if a.text != nil {
		if format, wanted := textWanted(c.Request.Header["Accept"]); wanted {
			contentType = string(format)
		}
	}
	a.snapshot(c, contentType)
}

// snapshot answers the sections that were asked for in this form.
func (a *api) snapshot(c *gin.Context, contentType string) {
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
