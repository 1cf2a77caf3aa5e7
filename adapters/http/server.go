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

// grace is how long requests under way may take when the server stops.
const grace = 5 * time.Second

// Server is the HTTP server around a handler.
type Server struct {
	address string
	http    *http.Server
	log     *slog.Logger
}

// NewServer returns a server for a TCP address. scrape is how long one answer
// may take to make.
func NewServer(address string, handler http.Handler, scrape time.Duration, log *slog.Logger) *Server {
	return &Server{
		address: address,
		log:     log,
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      scrape + 10*time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    32 << 10,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}
}

// Handler returns what the server answers with, for a program that serves it
// itself.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Listen binds the address, so that a taken port shows before anything starts.
func (s *Server) Listen(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", s.address, err)
	}
	return listener, nil
}

// Serve answers on the listener until the context ends, then lets the requests
// under way finish. It closes the listener.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		s.log.Info("stopping")
		deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		stopped <- s.http.Shutdown(deadline)
	})
	defer stop()
	s.log.Info("serving", "address", listener.Addr().String())
	if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	if err := <-stopped; err != nil {
		return fmt.Errorf("stop: requests under way did not finish in %s: %w", grace, err)
	}
	return nil
}
