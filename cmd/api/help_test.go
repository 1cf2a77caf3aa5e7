package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
)

// commands are the names of all commands.
func commands(t *testing.T) []string {
	t.Helper()
	parser, err := newParser(new(cli))
	require.NoError(t, err)
	var names []string
	for _, command := range parser.Model.Children {
		names = append(names, command.Name)
	}
	return names
}

// words is a text without its line ends.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestHelp_Suffices: every setting with its default, its variable and what it may
// be; a command's own flags before the settings.
func TestHelp_Suffices(t *testing.T) {
	isolated(t)
	status, stdout, stderr := call(t, "serve", "--help")
	assert.Equal(t, exitOK, status, stderr)
	parser, err := newParser(new(cli))
	require.NoError(t, err)
	for _, flag := range parser.Model.Flags {
		if !isSetting(flag) {
			continue
		}
		note := "$" + flag.Tag.Envs[0] + ")."
		if flag.Default != "" {
			note = "default " + flag.Default + "; " + note
		}
		assert.Contains(t, words(stdout), note)
		assert.Contains(t, stdout, "--"+flag.Name)
	}
	assert.Contains(t, words(stdout), "(debug, info, warn or error; default info; $ORCH_LOG_LEVEL).")
	assert.Contains(t, words(stdout), "--fixture-step=WHEN A step a scrape, or in its own time (request or time; default request).")
	own, rest, found := strings.Cut(stdout, "Flags of every command:")
	require.True(t, found)
	assert.Contains(t, own, "Flags:\n  --fixture=FILE", "what is the command's own comes first, under a heading")
	assert.NotContains(t, own, "ORCH_")
	assert.Contains(t, rest, "Settings of the address:\n")
	assert.NotContains(t, stdout, "KEY,...,...")
}

// TestHelp_OfEachCommand: `api help COMMAND` is `api COMMAND --help`, whatever the
// settings are, and no command shows a flag that it would refuse.
func TestHelp_OfEachCommand(t *testing.T) {
	isolated(t)
	t.Setenv("ORCH_MAX_ROWS", "many")
	parser, err := newParser(new(cli))
	require.NoError(t, err)
	for _, command := range commands(t) {
		status, byFlag, stderr := call(t, command, "--help")
		assert.Equal(t, exitOK, status, "%s: %s", command, stderr)
		status, byCommand, stderr := call(t, "help", command)
		assert.Equal(t, exitOK, status, "%s: %s", command, stderr)
		assert.Equal(t, byFlag, byCommand, command)
		assert.Contains(t, byFlag, "Usage: api "+command)
		for _, flag := range parser.Model.Flags {
			if isSetting(flag) {
				assert.Equal(t, !idle(command, flag, nil), strings.Contains(byFlag, "$"+flag.Tag.Envs[0]+")"), flag.Name)
			}
		}
	}
	status, all, stderr := call(t, "help")
	assert.Equal(t, exitOK, status, stderr)
	_, byFlag, _ := call(t, "--help")
	assert.Equal(t, byFlag, all)
	for _, command := range commands(t) {
		assert.Contains(t, all, "\n  "+command+" ")
	}
	status, _, stderr = call(t, "help", "snapshto")
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, stderr, `unexpected argument snapshto, did you mean "snapshot"?`)
}

// TestVersion_AsAFlag: as most programs have it, whatever the settings are.
func TestVersion_AsAFlag(t *testing.T) {
	isolated(t)
	t.Setenv("ORCH_MAX_ROWS", "many")
	_, byCommand, _ := call(t, "version")
	status, byFlag, stderr := call(t, "--version")
	assert.Equal(t, exitOK, status, stderr)
	assert.Equal(t, byCommand, byFlag)
	assert.Contains(t, byFlag, "orchmetrics ")
}

// TestIdleFlags_Refused: a flag that does nothing says so, rather than be believed.
func TestIdleFlags_Refused(t *testing.T) {
	isolated(t)
	for args, want := range map[string]string{
		"demo --db=/nope":                           "--db does nothing for api demo, which brings a database and a worker of its own",
		"--db=/nope demo":                           "--db does nothing for api demo",
		"demo --worker-state-file=w.json":           "--worker-state-file does nothing for api demo",
		"snapshot --listen=:80":                     "--listen does nothing for api snapshot; leave it out (api help snapshot lists what does)",
		"snapshot --systemd-socket":                 "--web.systemd-socket does nothing for api snapshot",
		"version --exact":                           "--exact does nothing for api version",
		"schema --db=":                              "--db does nothing for api schema",
		"fixtures --log-level=debug":                "--log-level does nothing for api fixtures",
		"completion bash --max-rows=5":              "--max-rows does nothing for api completion",
		"help --db=x":                               "--db does nothing for api help",
		"healthcheck --db=x":                        "--db does nothing for api healthcheck",
		"serve --fixture=scenario:idle --db=x":      "--db does nothing for api serve --fixture, which plays a recording instead",
		"--fixture=scenario:idle --proc-root=/proc": "--proc-root does nothing for api serve --fixture",
		"serve --fixture-loop":                      "--fixture-loop does nothing without --fixture",
		"--fixture-step=time":                       "--fixture-step does nothing without --fixture",
		"record --url=http://127.0.0.1:1 --db=x":    "--db does nothing for api record --url, which asks a running service",
		"record --listen=:80":                       "--listen does nothing for api record",
		"record --insecure":                         "--insecure does nothing without --url",
		"healthcheck --user=x":                      "--user and --password-file must be used together",
		"record --url=http://127.0.0.1:1 --key=x":   "--cert and --key must be used together",
	} {
		status, stdout, stderr := call(t, strings.Fields(args)...)
		assert.Equal(t, exitFailed, status, args)
		assert.Empty(t, stdout, args)
		assert.Contains(t, stderr, want)
		assert.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %s", stderr)
	}
}

// TestSettings_HaveAGroup: by its group a command knows whether a setting means
// anything for it.
func TestSettings_HaveAGroup(t *testing.T) {
	t.Parallel()
	parser, err := newParser(new(cli))
	require.NoError(t, err)
	known := []string{ofServing, ofDatabase, ofReading, ofSections, ofLog}
	found := 0
	for _, flag := range parser.Model.Flags {
		if !isSetting(flag) {
			continue
		}
		found++
		if assert.NotNil(t, flag.Group, flag.Name) {
			assert.Contains(t, known, flag.Group.Key, flag.Name)
		}
	}
	assert.Len(t, orchmetrics.SettingNames(), found)
}

// TestSwitches: a switch stands alone, as flags do, or has a value, with or without
// an equals sign.
func TestSwitches(t *testing.T) {
	isolated(t)
	for args, want := range map[string]bool{
		"--exact": true, "--exact=on": true, "--exact on": true, "--exact=off": false, "--exact off": false, "--exact NO": false,
		"--exact --max-rows=7": true, "--exact snapshot": true, "snapshot --exact": true, "": false,
	} {
		var c cli
		parser, err := newParser(&c, kong.Exit(func(int) {}))
		require.NoError(t, err)
		_, err = parser.Parse(strings.Fields(args))
		require.NoError(t, err, args)
		assert.Equal(t, orchmetrics.Switch(want), c.Exact, args)
	}
}
