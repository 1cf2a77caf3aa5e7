package httpapi

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/orchmetrics/orchmetrics/ports"
)

// defaultInFlight is far more than the readers of one service ask at a time.
const defaultInFlight = 2048

// options are what NewHandler's options set.
type options struct {
	inFlight  int
	spacing   time.Duration
	documents []Document
	text      ports.TextWriter
}

// Option changes what NewHandler returns.
type Option func(*options)

// MaxInFlight sets how many requests for a path may be under way at once; beyond
// it the answer is 503. Without it, it is 2048.
func MaxInFlight(requests int) Option {
	return func(o *options) { o.inFlight = requests }
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
