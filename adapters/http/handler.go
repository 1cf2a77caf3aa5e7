// Package httpapi serves the envelope over HTTP.
package httpapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/orchmetrics/orchmetrics/adapters/http/guard"
	"github.com/orchmetrics/orchmetrics/ports"
)

// api has what the handlers need.
type api struct {
	snapshots ports.Snapshotter
	text      ports.TextWriter // nil without the text form
	vary      []string         // the header's value, shared by all answers
	whole     *coalescer       // of scrapes of all sections
	narrowed  *coalescer       // of some
	outgoing  *guard.Outgoing
}

func newAPI(snapshots ports.Snapshotter, set options, log *slog.Logger) *api {
	a := &api{
		snapshots: snapshots,
		text:      set.text,
		vary:      []string{"Accept, Accept-Encoding"},
		whole:     newCoalescer(snapshots, set, log),
		narrowed:  newCoalescer(snapshots, set, log),
		outgoing:  guard.NewOutgoing(),
	}
	if set.text == nil {
		a.vary = []string{"Accept-Encoding"}
	}
	a.narrowed.most, a.narrowed.patience = narrowedInFlight, narrowedPatience
	return a
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
// of [Text] and [Documents], for GET and HEAD. /livez is never refused. /readyz asks the sources as /metrics does,
// so it has a limit too, but one of its own: a flood of the one leaves the other.
func NewHandler(snapshots ports.Snapshotter, log *slog.Logger, opts ...Option) (*Handler, error) {
	set := options{inFlight: defaultInFlight, spacing: spacing}
	for _, opt := range opts {
		opt(&set)
	}
	if set.inFlight < 1 {
		return nil, fmt.Errorf("limit requests in flight to %d: it must be at least 1", set.inFlight)
	}
	a := newAPI(snapshots, set, log)
	all := routes{
		"/metrics": {limited(set.inFlight), a.metrics},
		"/livez":   {a.livez},
		"/readyz":  {limited(set.inFlight), a.readyz},
	}
	if a.text != nil {
		all[textPath] = gin.HandlersChain{limited(set.inFlight), a.metrics}
	}
	for _, document := range set.documents {
		all[document.Path] = gin.HandlersChain{document.handler()}
	}
	engine := newEngine(all, "there is nothing here; try /metrics", log)
	return &Handler{Handler: engine, engine: engine}, nil
}

// routes are what answers each path.
type routes map[string]gin.HandlersChain

// newEngine answers GET and HEAD for these routes, and refuses everything else. A
// panic is answered with 500, its stack goes to the log, and the process lives.
func newEngine(all routes, elsewhere string, log *slog.Logger) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	if err := engine.SetTrustedProxies(nil); err != nil { // gin trusts all by default
		panic(err) // cannot fail for nil
	}
	engine.HandleMethodNotAllowed = true // answers 405 with Allow
	engine.RedirectTrailingSlash = false
	engine.Use(gin.CustomRecoveryWithWriter(nil, func(c *gin.Context, value any) {
		log.Error("request panicked", "path", c.Request.URL.Path, "panic", value, "stack", string(debug.Stack()))
		refuse(c, http.StatusInternalServerError, "internal", "the request failed; the log says why")
	}))
	for path, handlers := range all {
		engine.GET(path, handlers...)
		engine.HEAD(path, handlers...)
	}
	engine.NoRoute(func(c *gin.Context) {
		refuse(c, http.StatusNotFound, "not_found", elsewhere)
	})
	engine.NoMethod(func(c *gin.Context) {
		refuse(c, http.StatusMethodNotAllowed, "method_not_allowed", "only GET and HEAD are answered here")
	})
	return engine
}

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
