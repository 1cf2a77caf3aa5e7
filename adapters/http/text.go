package httpapi

import (
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/munnerz/goautoneg"

	"github.com/orchmetrics/orchmetrics/ports"
)

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
