package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/alecthomas/kong"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/internal/doctor"
)

// doctorCmd checks what the service depends on.
type doctorCmd struct {
	JSON   bool `name:"json" help:"Print the report as JSON, with every detail."`
	Strict bool `help:"Exit with status 1 if there is a warning."`
}

// Help is what --help says besides.
func (doctorCmd) Help() string {
	return "Run it as the user, in the directory and with the settings of the service. A line a check: " +
		"✓ as it should be, ! the service works but a part of its answer is missing, wrong or slow, ✗ something that is set does not work. " +
		"It changes nothing, and shows no value that may be a secret. " +
		"Exit status: 2 if a check failed, 1 with --strict if one warns, else 0."
}

var (
	errUnwell = errors.New("a check failed")
	errWarned = errors.New("a check warns")
)

// Run implements the command.
func (d doctorCmd) Run(ctx context.Context, stdout io.Writer, cfg orchmetrics.Config, refused refusals) error {
	report := doctor.Examine(ctx, cfg, doctor.Inputs{Environ: os.Environ(), Refused: refused, Now: time.Now()})
	if err := d.print(stdout, report); err != nil {
		return fmt.Errorf("print report: %w", err)
	}
	switch {
	case report.Status == doctor.Failed:
		return errUnwell
	case report.Status == doctor.Warning && d.Strict:
		return errWarned
	default:
		return nil
	}
}

func (d doctorCmd) print(stdout io.Writer, report doctor.Report) error {
	if !d.JSON {
		return report.Text(stdout, doctor.Screen{Width: widthOf(stdout), Colour: coloured(stdout)})
	}
	encoder := json.NewEncoder(stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}

// refusals say of each setting that cannot be read what is wrong with it.
type refusals []string

// parseAllTheSame reads a command line though settings of the environment or .env
// cannot be read. These have their defaults, and the doctor tells of them.
func (l commandLine) parseAllTheSame(c *cli, loadErr error, opts []kong.Option) (*kong.Context, refusals, error) {
	var refused refusals
	if loadErr != nil {
		refused = append(refused, loadErr.Error())
	}
	var names []string
	for _, name := range orchmetrics.SettingNames() {
		if _, err := parseWith(new(cli), []string{"doctor"}, func(other string) bool { return other == name }, nil); err != nil {
			names = append(names, name)
			refused = append(refused, err.Error())
		}
	}
	*c = cli{}
	command, err := parseWith(c, l.args, func(name string) bool { return !slices.Contains(names, name) }, opts)
	return command, refused, err
}

// parseWith reads a command line with only some of the environment's settings.
func parseWith(c *cli, args []string, with func(name string) bool, opts []kong.Option) (*kong.Context, error) {
	parser, err := newParser(c, append(slices.Clone(opts), kong.PostBuild(func(k *kong.Kong) error {
		for _, flag := range k.Model.Flags {
			if len(flag.Tag.Envs) > 0 && !with(flag.Tag.Envs[0]) {
				flag.Envs, flag.Tag.Envs = nil, nil
			}
		}
		return nil
	}))...)
	if err != nil {
		return nil, err
	}
	command, err := parser.Parse(args)
	return command, misused(parser, err)
}
