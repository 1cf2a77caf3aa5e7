package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
	"time"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/internal/doctor"
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
	return serve(ctx, cfg, server, s.Fixture.Name, func(string) {})
}

// startsAnyway is how long the start waits for what there is to be found. A source
// that hangs is told of later.
const startsAnyway = 500 * time.Millisecond

// serve serves until the context ends. fixture is what is played, if anything is;
// bound is told the URL once.
func serve(ctx context.Context, cfg orchmetrics.Config, server *orchmetrics.Server, fixture string, bound func(url string)) error {
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
	go releaseMemory(ctx)
	bound(server.Scheme() + "://" + listener.Addr().String())
	facts := []slog.Attr{
		slog.Bool("metrics_enabled", bool(cfg.MetricsEnabled)),
		slog.Bool("tls", server.Scheme() == "https"),
		slog.Bool("password", server.AsksPasswords()),
	}
	defer announce(cfg.Logger, func() []slog.Attr { return append(facts, found(ctx, cfg, fixture)...) })()
	return server.Serve(ctx, listener) //nolint:wrapcheck // wrapped where it arose
}

// announce logs what there is, once that is found. It waits a moment, so that the
// log has it before the address, and returns what waits for the rest.
func announce(log *slog.Logger, found func() []slog.Attr) (wait func()) {
	told := make(chan struct{})
	go func() {
		defer close(told)
		log.LogAttrs(context.Background(), slog.LevelInfo, "found", found()...)
	}()
	select {
	case <-told:
	case <-time.After(startsAnyway):
	}
	return func() { <-told }
}

// found says for the log what there is to answer from. With the kill switch off
// no source is touched.
func found(ctx context.Context, cfg orchmetrics.Config, fixture string) []slog.Attr {
	switch {
	case !bool(cfg.MetricsEnabled):
		return nil
	case fixture != "":
		return []slog.Attr{slog.String("fixture", fixture)}
	default:
		return doctor.Found(ctx, cfg)
	}
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
