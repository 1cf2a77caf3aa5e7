package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/munnerz/goautoneg"

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

// Text adds the text form: /metrics answers it to who asks for it by name, and
// /metrics/prometheus always.
func Text(writer ports.TextWriter) Option {
	return func(o *options) { o.text = writer }
}

// prometheus answers the text form, whatever the client accepts.
func (a *api) prometheus(c *gin.Context) {
	a.snapshot(c, string(weigh(c.Request.Header["Accept"]).format()))
}

// textWanted tells whether a client wants text rather than JSON, and which: only
// who names a text format gets it, at least as dear as JSON. Who names
// text/html is a browser, whatever else it takes. The common ways to ask for
// JSON are known at sight.
func textWanted(accept []string) (ports.TextFormat, bool) {
	if len(accept) == 0 || len(accept) == 1 && (accept[0] == "*/*" || accept[0] == "application/json" || accept[0] == "") {
		return "", false
	}
	w := weigh(accept)
	text := max(w.openMetrics, w.plain)
	switch {
	case w.browser, text <= 0:
		return "", false
	case w.jsonNamed:
		return w.format(), text > w.json
	default:
		return w.format(), text >= w.json
	}
}

// weights are how dear the forms of an answer are to a client, 0 to 1; 0 is not at
// all (RFC 9110, section 12.4.2).
type weights struct {
	openMetrics, plain float64 // by name only
	json               float64 // by name or by a range
	jsonNamed          bool
	browser            bool
}

func (w weights) format() ports.TextFormat {
	if w.openMetrics > 0 && w.openMetrics >= w.plain {
		return ports.OpenMetricsText
	}
	return ports.PrometheusText
}

// weigh reads the Accept headers. Of OpenMetrics we write version 1.0.0 and no
// other; a text/plain of any version is taken for the one that we write.
func weigh(accept []string) weights {
	var w weights
	narrow, wide := -1.0, 0.0 // of application/*, else of */*
	for _, clause := range goautoneg.ParseAccept(strings.Join(accept, ",")) {
		version := clause.Params["version"]
		switch strings.ToLower(clause.Type + "/" + clause.SubType) {
		case "application/openmetrics-text":
			if version == "" || version == "1.0.0" {
				w.openMetrics = max(w.openMetrics, clause.Q)
			}
		case "text/plain":
			w.plain = max(w.plain, clause.Q)
		case "text/html":
			w.browser = true
		case "application/json":
			w.json, w.jsonNamed = clause.Q, true
		case "application/*":
			narrow = clause.Q
		case "*/*":
			wide = clause.Q
		}
	}
	switch {
	case w.jsonNamed:
	case narrow >= 0:
		w.json = narrow
	default:
		w.json = wide
	}
	return w
}
