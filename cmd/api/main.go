// Command api is the metrics service of an AI agent orchestrator and its tools.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/joho/godotenv"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/demo"
)

// cli is the command line. Every setting is a flag and an environment variable.
type cli struct {
	orchmetrics.Config

	Serve    serveCmd    `cmd:"" default:"withargs" help:"Serve the metrics over HTTP (the default)."`
	Snapshot snapshotCmd `cmd:"" help:"Print one envelope and exit."`
	Demo     demoCmd     `cmd:"" help:"Simulate an orchestrator with real processes and serve its metrics."`
	Record   recordCmd   `cmd:"" help:"Print an envelope now and then, one a line, to play with serve --fixture."`
	Fixtures fixturesCmd `cmd:"" help:"List the scenarios that serve --fixture scenario:NAME plays."`
	Schema   schemaCmd   `cmd:"" help:"Print the JSON Schema of the envelope and exit."`
	Version  versionCmd  `cmd:"" help:"Print the version and exit."`
}

// Exit statuses.
const (
	exitOK       = 0
	exitFailed   = 1
	exitDegraded = 3
)

func main() {
	if demo.RunAgent() { // this process is an agent of `api demo`
		return
	}
	frugal()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// frugal collects garbage twice as often as Go does by itself: beside a
// production orchestrator memory counts for more than the little time it takes.
// GOGC still decides if it is set.
func frugal() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

// run executes one command line and returns its exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := execute(ctx, args, stdout, stderr)
	switch {
	case err == nil, errors.Is(err, errHelpShown):
		return exitOK
	case errors.Is(err, errDegraded):
		fmt.Fprintln(stderr, "api:", err)
		return exitDegraded
	default:
		fmt.Fprintln(stderr, "api:", strings.ReplaceAll(err.Error(), "\n", "; "))
		return exitFailed
	}
}

// errHelpShown says that --help has answered and nothing is left to do.
var errHelpShown = errors.New("help shown")

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	// The real environment wins: Load does not override what is set.
	if err := godotenv.Load(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read .env: %w", err)
	}
	var c cli
	helped := false
	parser, err := kong.New(&c,
		kong.Name("api"),
		kong.Description("What is an AI agent orchestrator doing right now? "+
			"Reads its database, its worker's snapshot and /proc, and writes to none of them."),
		kong.UsageOnError(),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.BindTo(stdout, (*io.Writer)(nil)),
	)
	if err != nil {
		return fmt.Errorf("build the command line: %w", err)
	}
	command, err := parser.Parse(args)
	if helped {
		return errHelpShown
	}
	if err != nil {
		return fmt.Errorf("%w (api --help lists commands and settings)", err)
	}
	c.Config.Version = thisBuild().String()
	c.Logger = orchmetrics.NewLogger(c.Config, stderr)
	return command.Run(c.Config) //nolint:wrapcheck // the commands' own errors are what the user shall read
}
