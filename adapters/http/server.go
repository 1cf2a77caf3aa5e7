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

	"github.com/orchmetrics/orchmetrics/adapters/http/guard"
)

const (
	// maxConnections is what a server holds at once: with 20 KB each they take no more
	// than 40 MB.
	maxConnections = 2048
	// maxProbes is the same for the health listener, which few ask.
	maxProbes = 64
	// headerTimeout is how long a client may take to send a request's header.
	headerTimeout = 5 * time.Second
	// idleTimeout is how long a connection is kept for a next request. Pollers ask
	// every 15 seconds or sooner, or every 30 or 60.
	idleTimeout = 20 * time.Second
	// stopGrace is how long requests under way may take when the server stops, so
	// that all is over within five seconds.
	stopGrace = 4 * time.Second
)

// Server is the HTTP server around a handler.
type Server struct {
	address   string
	purpose   string // what the log adds to "serving"
	activated bool   // it serves on the socket that systemd passed instead
	handler   http.Handler
	web       *guard.WebConfig // nil without one
	allowed   []string         // names by which it may be asked, besides its own
	hosts     *guard.Hosts     // all of them
	health    *health          // nil without one
	most      int              // connections at once
	grace     time.Duration    // how long requests under way may take at the stop
	http      *http.Server
	log       *slog.Logger
}

// ServerOption changes what NewServer returns.
type ServerOption func(*Server)

// Activated serves on the socket that systemd passes instead of on the address.
func Activated() ServerOption { return func(s *Server) { s.activated = true } }

// WithWebConfig gives the server the TLS and the passwords of a web config.
func WithWebConfig(config *guard.WebConfig) ServerOption { return func(s *Server) { s.web = config } }

// AllowedHosts are names by which the server may be asked besides its own, in the
// form of [guard.ValidateHost]. Its own are localhost, those of this machine, of the
// address and of its certificate. By another name it is asked only if the web
// config asks for a password or a client's certificate, or on a unix socket.
func AllowedHosts(names ...string) ServerOption { return func(s *Server) { s.allowed = names } }

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
		most:    maxConnections,
		grace:   stopGrace,
		log:     log,
		http: &http.Server{
			Protocols:         &protocols,
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      scrape + 10*time.Second,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    32 << 10,
			ErrorLog:          slog.NewLogLogger(guard.ConnectionLog(log), slog.LevelDebug),

			DisableGeneralOptionsHandler: true, // OPTIONS * is ours to refuse
		},
	}
	for _, opt := range opts {
		opt(s)
	}
	s.hosts = guard.NewHosts(address, s.allowed, s.web)
	return s
}

// Handler returns what the server answers with, for a program that serves it
// itself. It has neither the TLS nor the passwords of a web config, and answers by
// every name.
func (s *Server) Handler() http.Handler { return s.handler }

// Protected tells whether the server has TLS or asks for passwords.
func (s *Server) Protected() bool { return s.web != nil && (s.web.TLS() || s.web.Passwords()) }

// AsksPasswords tells whether the server asks for a password.
func (s *Server) AsksPasswords() bool { return s.web != nil && s.web.Passwords() }

// Scheme is http, or https if the server has TLS.
func (s *Server) Scheme() string {
	if s.web != nil && s.web.TLS() {
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
	open := guard.NewConnections(s.most, s.web != nil && s.web.TLS())
	s.http.ConnState = open.Note
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		s.shutdown(ctx, open)
	})
	defer stop()
	s.log.Info("serving"+s.purpose, "address", listener.Addr().String())
	if err := s.accept(listener, open); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve%s: %w", s.purpose, err)
	}
	<-stopped
	return nil
}

// shutdown lets requests under way finish, and then closes what is left.
func (s *Server) shutdown(ctx context.Context, open *guard.Connections) {
	s.log.Info("stopping" + s.purpose)
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.grace)
	defer cancel()
	open.Dismiss() // net/http would wait for them
	err := s.http.Shutdown(deadline)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("stopping"+s.purpose+": requests under way took too long and are cut off", "after", s.grace)
		err = s.http.Close()
	}
	if err != nil {
		s.log.Warn("stopping"+s.purpose+": a listener was not closed", "cause", err)
	}
}

// accept serves until the server is closed.
func (s *Server) accept(listener net.Listener, open *guard.Connections) error {
	defer listener.Close() //nolint:errcheck // closed already, unless serving did not begin
	if s.web != nil {
		s.http.Handler = s.handler
		return s.web.Serve(s.http, open.On(listener), s.hosts, s.log)
	}
	s.http.Handler = s.hosts.Guard(s.handler)
	return s.http.Serve(open.On(listener)) //nolint:wrapcheck // wrapped by the caller
}
