package main

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/orchmetrics/orchmetrics/domain"
)

// commandLine is a command line as far as it says by itself what is wanted: neither the
// environment nor .env has been looked at yet.
type commandLine struct {
	args    []string
	command string   // empty if none is named, as for `api --help`
	given   []string // the names of the flags that are on it
}

// readLine takes a command line apart, and refuses what it must not hold.
func readLine(parser *kong.Kong, args []string) (commandLine, error) {
	traced, err := kong.Trace(parser, args)
	if err != nil {
		return commandLine{}, fmt.Errorf("read the command line: %w", err)
	}
	if traced.Error != nil {
		return commandLine{}, misused(parser, traced.Error)
	}
	if slices.ContainsFunc(args, showsPassword) {
		return commandLine{}, errors.New("a password on the command line is in everybody's ps; " +
			"write it to a file and set ORCH_DB_PASSWORD_FILE, or use .pgpass")
	}
	l := commandLine{args: args}
	if selected := traced.Selected(); selected != nil {
		l.command = commandName(selected)
	}
	for _, element := range traced.Path {
		if element.Flag != nil {
			l.given = append(l.given, element.Flag.Name)
		}
	}
	if l.asks() {
		return l, nil
	}
	return l, l.refuseIdle(parser)
}

// showsPassword tells whether an argument is, or sets a flag to, a URL of PostgreSQL with
// a password in it. One that cannot be read may have one.
func showsPassword(arg string) bool {
	at := max(strings.Index(arg, "postgres://"), strings.Index(arg, "postgresql://"))
	if at < 0 {
		return false
	}
	location, err := url.Parse(arg[at:])
	if err != nil {
		return true
	}
	_, has := location.User.Password()
	return has || location.Query().Has("password") || location.Query().Has("sslpassword")
}

// commandName is the name of a command, with that of the command that it is below.
func commandName(command *kong.Node) string {
	if command.Parent != nil && command.Parent.Type == kong.CommandNode {
		return command.Parent.Name + " " + command.Name
	}
	return command.Name
}

// asks tells whether the line only wants to be told something.
func (l commandLine) asks() bool {
	return slices.Contains(l.given, "help") || slices.Contains(l.given, "version")
}

// parse sets c to what the line, the environment and .env say. Of a command that
// has no settings neither of the two is looked at. The doctor goes on with what is
// wrong in them, and tells of it.
func (l commandLine) parse(c *cli, parser *kong.Kong, opts []kong.Option) (*kong.Context, refusals, error) {
	if l.asks() { // is answered before the settings are looked at
		command, err := parser.Parse(l.args)
		return command, nil, misused(parser, err)
	}
	if !hasSettings(l.command) {
		command, err := parseWith(c, l.args, func(string) bool { return false }, opts)
		return command, nil, err
	}
	loadErr := loadDotEnv(dotEnv)
	command, err := parser.Parse(l.args)
	switch {
	case l.command == "doctor" && (err != nil || loadErr != nil):
		return l.parseAllTheSame(c, loadErr, opts)
	case loadErr != nil:
		return nil, nil, loadErr
	default:
		return command, nil, misused(parser, err)
	}
}

// misused says what is wrong with the command line, or with a setting of the
// environment, by the setting's name, and where there is more to be read.
func misused(parser *kong.Kong, err error) error {
	if err == nil {
		return nil
	}
	text, _, _ := strings.Cut(err.Error(), " (from envar ") // which repeats the value
	for _, flag := range allFlags(parser) {
		reason, isOf := strings.CutPrefix(text, "--"+flag.Name)
		if !isOf || !strings.HasPrefix(reason, ":") && !strings.HasPrefix(reason, " ") {
			continue
		}
		if len(flag.Tag.Envs) > 0 {
			return errors.New(flag.Tag.Envs[0] + reason)
		}
		return errors.New(text)
	}
	if strings.HasPrefix(text, "ORCH_") { // it has been checked by its own rules
		return errors.New(text)
	}
	return fmt.Errorf("%s%s (api help lists commands and settings)", text, meantCommand(parser, text))
}

// allFlags are those of all commands.
func allFlags(parser *kong.Kong) []*kong.Flag {
	flags := slices.Clone(parser.Model.Flags)
	for _, command := range parser.Model.Children {
		flags = append(flags, command.Flags...)
	}
	return flags
}

// meantCommand suggests a command for a word that is none. The parser itself
// does so only where there is no default command.
func meantCommand(parser *kong.Kong, text string) string {
	word, unexpected := strings.CutPrefix(text, "unexpected argument ")
	if !unexpected {
		return ""
	}
	var names []string
	for _, command := range parser.Model.Children {
		names = append(names, command.Name)
	}
	if nearest := domain.Nearest(word, names); nearest != "" && nearest != word {
		return fmt.Sprintf(", did you mean %q?", nearest)
	}
	return ""
}

// forPeople is an error on one line. Each setting that it names is named as a
// variable and as a flag, as people write either.
func forPeople(err error) string {
	text := strings.Join(strings.FieldsFunc(err.Error(), func(letter rune) bool { return letter == '\n' || letter == '\t' }), "; ")
	parser, err := newParser(new(cli))
	if err != nil {
		return text
	}
	told := map[string]bool{}
	return settingName.ReplaceAllStringFunc(text, func(name string) string {
		for _, flag := range parser.Model.Flags {
			if slices.Contains(flag.Tag.Envs, name) && !told[name] {
				told[name] = true
				return name + " (--" + flag.Name + ")"
			}
		}
		return name
	})
}

var settingName = regexp.MustCompile(`\bORCH_[A-Z_]*[A-Z]\b`)
