// Command section-gpu is the metrics service with a section of its own. It is a
// module of its own, as it would be in another team's repository: it uses what
// any program may import, and changes nothing in the service.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/orchmetrics/orchmetrics"
)

func main() {
	cfg := orchmetrics.DefaultConfig()
	cfg.Version = "section-gpu"
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, cfg, "gpus.csv"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg orchmetrics.Config, gpus string) error {
	sources, err := orchmetrics.ProductionSources(cfg)
	if err != nil {
		return err
	}
	sources.Extra = append(sources.Extra, &GPUs{Path: gpus})
	server, err := orchmetrics.InitializeServerFrom(cfg, sources)
	if err != nil {
		return err
	}
	listener, err := server.Listen(ctx)
	if err != nil {
		return err
	}
	return server.Serve(ctx, listener)
}
