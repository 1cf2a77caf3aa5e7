package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/orchmetrics/orchmetrics"
)

// serveCmd serves until it is told to stop.
type serveCmd struct {
	Fixture fixtureFlags `embed:""`
}

// Run implements the command.
func (s serveCmd) Run(ctx context.Context, cfg orchmetrics.Config) error {
	warnOfUnknown(cfg.Logger)
	server, err := s.Fixture.server(cfg)
	if err != nil {
		return err
	}
	return serve(ctx, cfg, server, func(string) {})
}

// serve serves until the context ends. bound is told the URL once.
func serve(ctx context.Context, cfg orchmetrics.Config, server *orchmetrics.Server, bound func(url string)) error {
	listener, err := server.Listen(ctx)
	if err != nil {
		return notBound(cfg, err)
	}
	if err := server.ListenHealth(ctx); err != nil {
		return errors.Join(healthNotBound(cfg, err), listener.Close())
	}
	if exposed(listener.Addr()) && !server.Protected() {
		cfg.Logger.Warn("listening beyond loopback without TLS or authentication: whoever reaches the address can read the metrics",
			"address", listener.Addr().String())
	}
	bound(server.Scheme() + "://" + listener.Addr().String())
	return server.Serve(ctx, listener) //nolint:wrapcheck // wrapped where it arose
}

// notBound says which setting to change.
func notBound(cfg orchmetrics.Config, err error) error {
	switch {
	case bool(cfg.SystemdSocket):
		return fmt.Errorf("ORCH_SYSTEMD_SOCKET: %w", err)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is taken by another program; stop it, or set ORCH_LISTEN to another address", cfg.Listen)
	default:
		return fmt.Errorf("ORCH_LISTEN: %w", err)
	}
}

func healthNotBound(cfg orchmetrics.Config, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is taken by another program, or by ORCH_LISTEN; set ORCH_HEALTH_LISTEN to another address", cfg.HealthListen)
	}
	return fmt.Errorf("ORCH_HEALTH_LISTEN: %w", err)
}

// exposed tells whether other hosts can reach an address.
func exposed(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}
