package main

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/orchmetrics/orchmetrics"
)

// helpCmd prints what --help prints.
type helpCmd struct {
	Command string `arg:"" optional:"" help:"The command to explain. Unset: all of them, in short."`
}

// Run implements the command.
func (h helpCmd) Run(stdout io.Writer) error {
	parser, err := newParser(new(cli), kong.Writers(stdout, stdout), kong.Exit(func(int) {}))
	if err != nil {
		return err
	}
	args := []string{"--help"}
	if h.Command != "" {
		args = []string{h.Command, "--help"}
	}
	if _, err := readLine(parser, args); err != nil {
		return err
	}
	_, _ = parser.Parse(args) // what is wrong with the settings has no part in it
	return nil
}

// help are the options that make --help suffice: a command's own flags before the
// settings, which have a heading for each group, and with each what it is if it is
// not set. A setting that means nothing for the command is not shown.
func help() []kong.Option {
	return []kong.Option{
		kong.Name("api"),
		kong.Description("What is an AI agent orchestrator doing right now? " +
			"Reads its database, its worker's snapshot and /proc, and writes to none of them. " +
			"A setting is a flag, an environment variable or a line of the file .env; the first of these that is there counts."),
		kong.Vars{"version": thisBuild().line()},
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
		kong.ValueFormatter(explained),
		kong.Groups{
			"general":  "Flags of every command:",
			ofServing:  "Settings of the address:",
			ofDatabase: "Settings of the orchestrator:",
			ofReading:  "Settings of the reading:",
			ofSections: "Settings of the sections:",
			ofLog:      "Settings of the log:",
		},
		kong.PostBuild(func(k *kong.Kong) error {
			k.Model.HelpFlag.Group = k.Model.Flags[1].Group // that of --version, which is beside it
			return nil
		}),
		kong.Help(func(options kong.HelpOptions, ctx *kong.Context) error {
			if command := ctx.Selected(); command != nil {
				for _, setting := range ctx.Model.Flags {
					setting.Hidden = isSetting(setting) && idle(commandName(command), setting, nil)
				}
			}
			return kong.DefaultHelpPrinter(options, ctx)
		}),
	}
}

// explained is a flag's help with its default and its environment variable.
func explained(value *kong.Value) string {
	var notes []string
	if which := value.Tag.Get("values"); which != "" {
		notes = append(notes, which)
	}
	if value.Enum != "" && value.Flag != nil {
		notes = append(notes, strings.Join(value.EnumSlice(), " or "))
	}
	if value.Target.Type() == reflect.TypeFor[orchmetrics.Switch]() {
		notes = append(notes, "on or off")
	}
	if value.Default != "" {
		notes = append(notes, "default "+value.Default)
	}
	for _, variable := range value.Tag.Envs {
		notes = append(notes, "$"+variable)
	}
	if len(notes) == 0 {
		return value.Help
	}
	return fmt.Sprintf("%s (%s).", strings.TrimSuffix(value.Help, "."), strings.Join(notes, "; "))
}
