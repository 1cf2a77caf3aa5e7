package httpapi

import (
	"mime"
	"strconv"
	"strings"

	"github.com/munnerz/goautoneg"

	"github.com/orchmetrics/orchmetrics/ports"
)

// textWanted tells whether a client wants text rather than JSON, and which: only
// who names a text format gets it, at least as dear as JSON. Who names
// text/html is a browser, whatever else it takes. The common ways to ask for
// JSON are known at sight.
func textWanted(accept []string) (ports.TextFormat, bool) {
	if len(accept) == 1 && (accept[0] == "*/*" || accept[0] == "application/json" || accept[0] == "") {
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

// codingWanted chooses by Accept-Encoding (RFC 9110, section 12.5.3): of zstd, gzip
// and nothing the one with the highest weight, and of equals in this order. A coding
// counts if it is named; * alone is what clients send that think of none. It is false
// if the client takes none of the three. What has no weight that can be read is left
// out.
func codingWanted(accept []string) (coding, bool) {
	weights := map[string]float64{} // by name, 0 to 1
	for clause := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		name, parameters, err := mime.ParseMediaType(clause)
		weight := 1.0
		if len(parameters) > 0 {
			weight, err = strconv.ParseFloat(parameters["q"], 64)
		}
		if err == nil && weight >= 0 && weight <= 1 {
			weights[strings.TrimPrefix(name, "x-")] = weight // x-gzip is gzip (section 8.4.1.3)
		}
	}
	plain, named := weights["identity"]
	others, starred := weights["*"]
	switch {
	case named:
	case starred && others == 0:
		plain = 0
	default:
		plain = 0.0001 // below what can be written: three digits
	}
	best, highest := coding{}, 0.0
	for _, name := range []string{zstded, gzipped} {
		weight, named := weights[name]
		if !named && plain == 0 {
			weight = others
		}
		if weight > highest {
			best, highest = coding{name: name, always: plain == 0}, weight
		}
	}
	if plain > highest {
		return coding{}, true
	}
	return best, highest > 0
}
