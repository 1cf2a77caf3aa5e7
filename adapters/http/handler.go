// Package httpapi serves the envelope over HTTP.
package httpapi

import (
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/orchmetrics/orchmetrics/ports"
)

// api has what the handlers need.
type api struct {
	snapshots ports.Snapshotter
	log       *slog.Logger
}

// NewHandler returns the service's routes: /metrics, /livez and /readyz, for GET
// and HEAD.
func NewHandler(snapshots ports.Snapshotter, log *slog.Logger) (http.Handler, error) {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	if err := engine.SetTrustedProxies(nil); err != nil { // gin trusts all by default
		return nil, err //nolint:wrapcheck // cannot fail for nil
	}
	engine.HandleMethodNotAllowed = true // answers 405 with Allow
	engine.RedirectTrailingSlash = false

	a := &api{snapshots: snapshots, log: log}
	for path, handle := range map[string]gin.HandlerFunc{
		"/metrics": a.metrics,
		"/livez":   a.livez,
		"/readyz":  a.readyz,
	} {
		engine.GET(path, handle)
		engine.HEAD(path, handle)
	}
	engine.NoRoute(func(c *gin.Context) {
		refuse(c, http.StatusNotFound, "not_found", "there is nothing here; try /metrics")
	})
	engine.NoMethod(func(c *gin.Context) {
		refuse(c, http.StatusMethodNotAllowed, "method_not_allowed", "only GET and HEAD are answered here")
	})
	return recovering(engine, log), nil
}
