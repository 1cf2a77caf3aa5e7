package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// headerTimeout is how long a client may take to send a request's header.
const headerTimeout = 5 * time.Second

// Server is the HTTP server around a handler.
type Server struct {
	address   string
	purpose   string // what the log adds to "serving"
	activated bool   // it serves on the socket that systemd passed instead
	handler   http.Handler
	web       *WebConfig    // nil without one
	health    *health       // nil without one
	grace     time.Duration // how long requests under way may take at the stop
	http      *http.Server
	log       *slog.Logger
}

// ServerOption changes what NewServer returns.
type ServerOption func(*Server)

// Activated serves on the socket that systemd passes instead of on the address.
func Activated() ServerOption { return func(s *Server) { s.activated = true } }

// WithWebConfig gives the server the TLS and the passwords of a web config.
func WithWebConfig(config *WebConfig) ServerOption { return func(s *Server) { s.web = config } }

// NewServer returns a server for an address: host:port, or unix: and the path of
// a socket. scrape is how long one answer may take to make.
func NewServer(address string, handler http.Handler, scrape time.Duration, log *slog.Logger, opts ...ServerOption) *Server {
	// HTTP/1 alone, also with TLS: what a client may hold is bounded for that. An
	// HTTP/2 connection could be held open for ever, and its streams would be many.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	s := &Server{
		address: address,
		handler: handler,
		grace:   scrape + headerTimeout + time.Second, // net/http waits for connections that sent no header yet
		log:     log,
		http: &http.Server{
			Protocols:         &protocols,
			Handler:           handler,
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      scrape + 10*time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    32 << 10,
			ErrorLog:          slog.NewLogLogger(&connectionLog{Handler: log.Handler(), log: log}, slog.LevelDebug),

			DisableGeneralOptionsHandler: true, // OPTIONS * is ours to refuse
		},
	}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// Handler returns what the server answers with, for a program that serves it
// itself. It has neither the TLS nor the passwords of a web config.
func (s *Server) Handler() http.Handler { return s.handler }

// Protected tells whether the server has TLS or asks for passwords.
func (s *Server) Protected() bool { return s.web != nil && s.web.gives != protection{} }

// AsksPasswords tells whether the server asks for a password.
func (s *Server) AsksPasswords() bool { return s.web != nil && s.web.gives.passwords }

// Scheme is http, or https if the server has TLS.
func (s *Server) Scheme() string {
	if s.web != nil && s.web.gives.tls {
		return "https"
	}
	return "http"
}

// Serve answers on the listener, and on that of [Health] if there is one, until
// the context ends, then lets the requests under way finish. If one of the two
// fails, the other is stopped. It closes the listeners, and is called once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	if s.health == nil {
		return s.serve(ctx, listener)
	}
	if err := s.ListenHealth(ctx); err != nil {
		return errors.Join(err, listener.Close())
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.serve(ctx, listener) })
	group.Go(func() error { return s.health.serve(ctx) })
	return group.Wait() //nolint:wrapcheck // both have said what failed
}

func (s *Server) serve(ctx context.Context, listener net.Listener) error {
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		s.log.Info("stopping" + s.purpose)
		deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.grace)
		defer cancel()
		if err := s.http.Shutdown(deadline); err != nil {
			stopped <- errors.Join(err, s.http.Close())
			return
		}
		stopped <- nil
	})
	defer stop()
	s.log.Info("serving"+s.purpose, "address", listener.Addr().String())
	if err := s.accept(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve%s: %w", s.purpose, err)
	}
	if err := <-stopped; err != nil {
		return fmt.Errorf("stop%s: requests under way did not finish in %s: %w", s.purpose, s.grace, err)
	}
	return nil
}

// accept serves until the server is closed.
func (s *Server) accept(listener net.Listener) error {
	defer listener.Close() //nolint:errcheck // closed already, unless serving did not begin
	if s.web == nil {
		return s.http.Serve(listener) //nolint:wrapcheck // wrapped by the caller
	}
	return s.web.serve(s.http, listener, s.log)
}
