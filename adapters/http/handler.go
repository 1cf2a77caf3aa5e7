// Package httpapi serves the envelope over HTTP.
package httpapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/orchmetrics/orchmetrics/ports"
)

// api has what the handlers need.
type api struct {
	snapshots ports.Snapshotter
	log       *slog.Logger
}

// Handler answers the service's routes.
type Handler struct {
	http.Handler

	engine *gin.Engine
}

// Routes returns the method and path of each route, such as "GET /metrics".
func (h *Handler) Routes() []string {
	var routes []string
	for _, route := range h.engine.Routes() {
		routes = append(routes, route.Method+" "+route.Path)
	}
	slices.Sort(routes)
	return routes
}

// NewHandler returns the service's routes: /metrics, /livez and /readyz, and those
// of [Documents], for GET and HEAD. /livez is never refused. /readyz asks the sources as /metrics does,
// so it has a limit too, but one of its own: a flood of the one leaves the other.
func NewHandler(snapshots ports.Snapshotter, log *slog.Logger, opts ...Option) (*Handler, error) {
	set := options{inFlight: defaultInFlight}
	for _, opt := range opts {
		opt(&set)
	}
	if set.inFlight < 1 {
		return nil, fmt.Errorf("limit requests in flight to %d: it must be at least 1", set.inFlight)
	}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	if err := engine.SetTrustedProxies(nil); err != nil { // gin trusts all by default
		return nil, err //nolint:wrapcheck // cannot fail for nil
	}
	engine.HandleMethodNotAllowed = true // answers 405 with Allow
	engine.RedirectTrailingSlash = false

	a := &api{snapshots: snapshots, log: log}
	routes := map[string]gin.HandlersChain{
		"/metrics": {limited(set.inFlight), a.metrics},
		"/livez":   {a.livez},
		"/readyz":  {limited(set.inFlight), a.readyz},
	}
	for _, document := range set.documents {
		routes[document.Path] = gin.HandlersChain{document.handler()}
	}
	for path, handlers := range routes {
		engine.GET(path, handlers...)
		engine.HEAD(path, handlers...)
	}
	engine.NoRoute(func(c *gin.Context) {
		refuse(c, http.StatusNotFound, "not_found", "there is nothing here; try /metrics")
	})
	engine.NoMethod(func(c *gin.Context) {
		refuse(c, http.StatusMethodNotAllowed, "method_not_allowed", "only GET and HEAD are answered here")
	})
	return &Handler{Handler: recovering(engine, log), engine: engine}, nil
}
