package guard

import (
	"io/fs"
	"log/slog"
	"net/http"
)

// guard is around the toolkit's handler: outside of it, it refuses all while the
// web config cannot be used, has few passwords tried at once, and gives refusals
// the form that all of ours have; inside of it, it marks what the toolkit let
// through.
type guard struct {
	config *WebConfig
	tries  *tries
	log    *slog.Logger
}

func (g *guard) outside(toolkit http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, err := g.config.check(g.log)
		if err != nil {
			unusable(w)
			return
		}
		end, ok := g.tries.begin(r)
		if !ok {
			w.Header().Set("Retry-After", "1")
			Refuse(w, http.StatusServiceUnavailable, "overloaded", "too many passwords are being tried; try again in a second")
			return
		}
		gate := &gate{ResponseWriter: w, file: file, passed: func() { end(true) }}
		defer end(false) // of no effect if it passed
		toolkit.ServeHTTP(gate, r)
	})
}

// inside is called if the toolkit lets a request through. What it read meanwhile
// was the file that was checked, unless that has changed by now.
func (g *guard) inside(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gate, ok := w.(*gate)
		if !ok {
			panic("the request did not come through the gate")
		}
		if now, err := g.config.check(g.log); err != nil || !unchanged(now, gate.file) {
			unusable(gate.ResponseWriter)
			return
		}
		gate.passed()
		next.ServeHTTP(gate.ResponseWriter, r)
	})
}

func unusable(w http.ResponseWriter) {
	Refuse(w, http.StatusInternalServerError, "internal", "the web config cannot be used, or has just changed; the log says why")
}

// gate is what the toolkit answers through: only refusals.
type gate struct {
	http.ResponseWriter

	file   fs.FileInfo // the web config when it was checked
	passed func()
}

// WriteHeader answers with our own body instead of the toolkit's.
func (g *gate) WriteHeader(status int) {
	switch status {
	case http.StatusUnauthorized:
		g.Header().Set("WWW-Authenticate", `Basic realm="orchmetrics", charset="UTF-8"`) // RFC 7617 wants a realm
		Refuse(g.ResponseWriter, status, "unauthorized", "this needs a user name and its password")
	case http.StatusTooManyRequests:
		g.Header().Set("Retry-After", "1")
		Refuse(g.ResponseWriter, status, "rate_limited", "more requests than the web config allows; try again in a second")
	default:
		unusable(g.ResponseWriter)
	}
}

// Write drops the toolkit's body.
func (*gate) Write(body []byte) (int, error) { return len(body), nil }
