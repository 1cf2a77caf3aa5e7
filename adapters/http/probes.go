package httpapi

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/orchmetrics/orchmetrics/ports"
)

// health is a plain server for probes, beside the one for readers.
type health struct {
	*Server

	listener net.Listener // nil until it is bound
}

// Health serves /livez and /readyz on an address of their own too, without TLS
// and without a password.
func Health(address string, snapshots ports.Snapshotter, scrape time.Duration, log *slog.Logger) ServerOption {
	return func(s *Server) {
		s.health = &health{Server: NewServer(address, newProbes(snapshots, log), scrape, log, AllowedHosts("*"))}
		s.health.purpose, s.health.most = " health", maxProbes
	}
}

// newProbes returns the routes for probes. Their limit is their own: what
// readers ask for does not keep a probe from its answer.
func newProbes(snapshots ports.Snapshotter, log *slog.Logger) http.Handler {
	a := newAPI(snapshots, options{spacing: spacing}, log)
	return newEngine(routes{
		"/livez":  {a.livez},
		"/readyz": {limited(defaultInFlight), a.readyz},
	}, "there is nothing here but /livez and /readyz", log)
}

// ListenHealth binds the address of [Health], as Listen does that for readers.
// Without it, Serve does so.
func (s *Server) ListenHealth(ctx context.Context) error {
	if s.health == nil || s.health.listener != nil {
		return nil
	}
	var err error
	s.health.listener, err = s.health.Listen(ctx)
	return err
}

func (h *health) serve(ctx context.Context) error { return h.Server.serve(ctx, h.listener) }
