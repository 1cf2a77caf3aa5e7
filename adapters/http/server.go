package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// headerTimeout is how long a client may take to send a request's header.
const headerTimeout = 5 * time.Second

// Server is the HTTP server around a handler.
type Server struct {
	address string
	grace   time.Duration // how long requests under way may take at the stop
	http    *http.Server
	log     *slog.Logger
}

// NewServer returns a server for an address: host:port, or unix: and the path of
// a socket. scrape is how long one answer may take to make.
func NewServer(address string, handler http.Handler, scrape time.Duration, log *slog.Logger) *Server {
	return &Server{
		address: address,
		grace:   scrape + headerTimeout + time.Second, // net/http waits for connections that sent no header yet
		log:     log,
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      scrape + 10*time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    32 << 10,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),

			DisableGeneralOptionsHandler: true, // OPTIONS * is ours to refuse
		},
	}
}

// Handler returns what the server answers with, for a program that serves it
// itself.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Serve answers on the listener until the context ends, then lets the requests
// under way finish. It closes the listener.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		s.log.Info("stopping")
		deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.grace)
		defer cancel()
		if err := s.http.Shutdown(deadline); err != nil {
			stopped <- errors.Join(err, s.http.Close())
			return
		}
		stopped <- nil
	})
	defer stop()
	s.log.Info("serving", "address", listener.Addr().String())
	if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	if err := <-stopped; err != nil {
		return fmt.Errorf("stop: requests under way did not finish in %s: %w", s.grace, err)
	}
	return nil
}
