// Command api is the metrics service of an AI agent orchestrator and its tools.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/demo"
)

// cli is the command line. Every setting is a flag and an environment variable.
type cli struct {
	ShowVersion kong.VersionFlag `name:"version" group:"general" help:"Print the version and exit."`

	orchmetrics.Config

	Serve       serveCmd       `cmd:"" default:"withargs" help:"Serve the metrics over HTTP (the default)."`
	Snapshot    snapshotCmd    `cmd:"" help:"Print one envelope and exit."`
	Doctor      doctorCmd      `cmd:"" help:"Check everything that the service depends on, and say what to do."`
	Healthcheck healthcheckCmd `cmd:"" help:"Ask a running service whether it is well."`
	Demo        demoCmd        `cmd:"" help:"Simulate an orchestrator with real processes and serve its metrics."`
	Top         topCmd         `cmd:"" help:"Show in the terminal what the agents do now, live."`
	Record      recordCmd      `cmd:"" help:"Print an envelope now and then, one a line, to play with serve --fixture."`
	Fixtures    fixturesCmd    `cmd:"" help:"List the scenarios that serve --fixture scenario:NAME plays."`
	Profiles    profilesCmd    `cmd:"" help:"List the profiles by which other orchestrators are read; show or check one."`
	Schema      schemaCmd      `cmd:"" help:"Print the JSON Schema of the envelope and exit."`
	Completion  completionCmd  `cmd:"" help:"Print the script that completes commands and flags in a shell."`
	Version     versionCmd     `cmd:"" help:"Print the version and exit."`
	Explain     helpCmd        `cmd:"" name:"help" help:"Print what --help prints, of all or of one command."`
}

// Exit statuses. README tells them with the commands.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUnwell   = 2 // api doctor found a failure
	exitDegraded = 3 // api snapshot --strict
)

func main() {
	if demo.RunAgent() { // this process is an agent of `api demo`
		return
	}
	boundMemory()
	signal.Ignore(syscall.SIGPIPE) // else a write to a pipe that nobody reads any more kills (os/signal, "SIGPIPE")
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals()...)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// stopSignals are those that ask for a graceful stop. A closed terminal sends
// SIGHUP, which is ignored already under nohup, and then stays so.
func stopSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// lastWords is how long the end of the program waits for whoever reads standard
// error.
const lastWords = time.Second

// run executes one command line and returns its exit status. Nothing waits for
// whoever reads standard error, but the end for a moment.
func run(ctx context.Context, args []string, stdout, standardError io.Writer) int {
	stderr := orchmetrics.NewAsyncWriter(standardError)
	defer stderr.Flush(lastWords)
	err := execute(ctx, args, stdout, stderr)
	switch {
	case err == nil, errors.Is(err, errAnswered):
		return exitOK
	case errors.Is(err, errUnwell):
		return exitUnwell // the report has been printed
	case errors.Is(err, errWarned):
		return exitFailed
	case errors.Is(err, errDegraded):
		complain(stderr, err)
		return exitDegraded
	default:
		complain(stderr, err)
		return exitFailed
	}
}

// complain says in one line what is wrong. It may repeat names and arguments.
func complain(stderr io.Writer, err error) {
	fmt.Fprintln(stderr, "api:", domain.Printable(forPeople(err)))
}

// errAnswered says that --help, --version or a completion has answered and nothing
// is left to do.
var errAnswered = errors.New("answered")

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var c cli
	answered := false
	opts := []kong.Option{
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { answered = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.BindTo(stdout, (*io.Writer)(nil)),
	}
	parser, err := newParser(&c, opts...)
	if err != nil {
		return err
	}
	if os.Getenv("COMP_LINE") != "" {
		nameAliases(parser.Model.Node)
	}
	if kongcompletion.Register(parser); answered { // the shell asked for a completion
		return errAnswered
	}
	line, err := readLine(parser, args)
	if err != nil {
		return err
	}
	command, refused, err := line.parse(&c, parser, opts)
	if answered {
		return errAnswered
	}
	if err != nil {
		return err
	}
	c.Config.Version = thisBuild().String()
	c.Logger = orchmetrics.NewLogger(c.Config, stderr)
	return command.Run(c.Config, refused) //nolint:wrapcheck // the commands' own errors are what the user shall read
}

func newParser(c *cli, opts ...kong.Option) (*kong.Kong, error) {
	parser, err := kong.New(c, slices.Concat(opts, values(), help())...)
	if err != nil {
		return nil, fmt.Errorf("build the command line: %w", err)
	}
	return parser, nil
}

// warnOfUnknown tells once of variables that look like settings and are none.
func warnOfUnknown(log *slog.Logger) {
	if unknown := orchmetrics.UnknownSettings(os.Environ()); len(unknown) > 0 {
		log.Warn("ignoring variables that look like settings and are none", "names", fmt.Sprint(unknown))
	}
}
