package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/internal/demo"
)

// demoCmd simulates an orchestrator and serves its metrics.
type demoCmd struct {
	Tick time.Duration `default:"1s" placeholder:"DURATION" help:"The pace of the simulated orchestrator."`
	Seed uint64        `default:"1" placeholder:"N" help:"Decides what its history holds."`

	Postgres string `placeholder:"URL" help:"Keep its tables in this PostgreSQL database, such as postgres://user@host/database, in a schema of their own that goes with it. A password comes from PGPASSWORD or .pgpass."` //nolint:lll // a help text
}

// Help is what --help says besides.
func (demoCmd) Help() string {
	return "With --profile it plays the orchestrator that a profile reads: one of " + strings.Join(demo.Profiles(demo.SQLite), ", ") +
		", or with --postgres one of " + strings.Join(demo.Profiles(demo.Postgres), ", ") + "."
}

// start starts the orchestrator, says in the settings where it is, and returns what ends
// it.
func (d demoCmd) start(ctx context.Context, cfg *orchmetrics.Config) (stop func() error, err error) {
	opts := demo.Options{Tick: d.Tick, Seed: d.Seed, Postgres: d.Postgres}
	cfg.WorkerStateFile, cfg.DBPasswordFile = "", ""
	if cfg.Profile == "" {
		orchestrator, err := demo.Start(ctx, opts)
		if err != nil {
			return nil, err //nolint:wrapcheck // says what it could not do
		}
		cfg.DB, cfg.WorkerStateFile = orchestrator.DB(), orchestrator.WorkerStateFile()
		return orchestrator.Stop, nil
	}
	miniature, err := demo.StartMiniature(ctx, cfg.Profile, opts)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what it could not do
	}
	cfg.DB = miniature.DB()
	return miniature.Stop, nil
}

// Run implements the command. The settings of the database and of the worker's
// state are the demo's own.
func (d demoCmd) Run(ctx context.Context, stdout io.Writer, cfg orchmetrics.Config) (err error) {
	if d.Tick <= 0 {
		return fmt.Errorf("--tick is %s; it must be more than 0", d.Tick)
	}
	warnOfUnknown(cfg.Logger)
	stop, err := d.start(ctx, &cfg)
	if err != nil {
		return err //nolint:wrapcheck // says what it could not do
	}
	defer func() { err = errors.Join(err, stop()) }()
	server, err := orchmetrics.InitializeServer(cfg)
	if err != nil {
		return err //nolint:wrapcheck // says which setting is wrong
	}
	grows := "cpu_ticks"
	if cfg.Profile != "" {
		grows = "runtime_s" // not all orchestrators keep pids
	}
	hint := orchmetrics.NewAsyncWriter(stdout) // whoever reads it must not keep the service from its start
	defer hint.Flush(lastWords)
	return serve(ctx, cfg, server, "", func(url string) {
		fmt.Fprintf(hint, "%[1]s/metrics\n"+
			"Open %[1]s/ in a browser, or try: curl -s '%[1]s/metrics?section=agents' twice, and watch %[2]s grow. "+
			"Ctrl-C ends the demo and leaves nothing behind.\n", url, grows)
	})
}
