package httpapi

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
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

// answer writes a value as JSON. It is encoded before anything is sent, so that
// an answer is never cut short by an encoder's error.
func answer(c *gin.Context, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // every type that is answered can be encoded
	}
	write(c, status, body)
}

func write(c *gin.Context, status int, body []byte) {
	writeAs(c, status, "application/json; charset=utf-8", body)
}

func writeAs(c *gin.Context, status int, contentType string, body []byte) {
	setHeaders(c)
	c.Header("Content-Length", strconv.Itoa(len(body)))
	c.Data(status, contentType, body)
}

func setHeaders(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	c.Header("X-Content-Type-Options", "nosniff")
}

func refuse(c *gin.Context, status int, code, message string) {
	answer(c, status, failure{failureDetail{Code: code, Message: message}})
	c.Abort()
}

// shorten bounds what an answer repeats of what a client sent.
func shorten(sent string) string {
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

// recovering is the outermost handler: a panic answers 500 in JSON, its stack
// goes to the log, and the process lives.
func recovering(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			value := recover()
			if value == nil {
				return
			}
			log.Error("request panicked", "path", r.URL.Path, "panic", value, "stack", string(debug.Stack()))
			fail(w, http.StatusInternalServerError, "internal", "the request failed; the log says why")
		}()
		next.ServeHTTP(w, r)
	})
}

// fail refuses a request outside of the routes.
func fail(w http.ResponseWriter, status int, code, message string) {
	body, err := json.Marshal(failure{failureDetail{Code: code, Message: message}})
	if err != nil {
		panic(err) // strings can be encoded
	}
	w.Header().Del("Content-Length")
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
