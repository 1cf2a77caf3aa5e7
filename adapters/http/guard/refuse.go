// Package guard keeps a server from those who must not read, and from those who take
// too much: TLS and passwords by a web config, the names by which it may be asked, and
// what connections and answers may hold.
package guard

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"unicode/utf8"
)

// failure is the body of every answer that is not an envelope.
type failure struct {
	Error failureDetail `json:"error"`
}

type failureDetail struct {
	// Code is one stable word.
	Code string `json:"code"`
	// Message is for people.
	Message string `json:"message"`
}

// Shorten bounds what an answer repeats of what a client sent.
func Shorten(sent string) string {
	const limit = 100
	if len(sent) <= limit {
		return sent
	}
	end := limit
	for end > 0 && !utf8.RuneStart(sent[end]) {
		end--
	}
	return sent[:end] + "…"
}

// recovering returns the outermost handler: a panic answers 500 in JSON, its stack
// goes to the log, and the process lives.
func recovering(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			value := recover()
			if value == nil {
				return
			}
			log.Error("request panicked", "path", r.URL.Path, "panic", value, "stack", string(debug.Stack()))
			Refuse(w, http.StatusInternalServerError, "internal", "the request failed; the log says why")
		}()
		next.ServeHTTP(w, r)
	})
}

// Refuse answers with a failure: a stable word, and a message for people.
func Refuse(w http.ResponseWriter, status int, code, message string) {
	body, err := json.Marshal(failure{failureDetail{Code: code, Message: message}})
	if err != nil {
		panic(err) // strings can be encoded
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
