package main

import (
	"fmt"
	"slices"

	"github.com/alecthomas/kong"
)

// The groups of settings, as config.go has them in its tags.
const (
	ofServing  = "serving"
	ofDatabase = "database"
	ofReading  = "reading"
	ofSections = "sections"
	ofLog      = "log"
)

// hasSettings tells whether a command reads settings at all.
func hasSettings(command string) bool {
	return slices.Contains([]string{"serve", "snapshot", "doctor", "healthcheck", "demo", "record", "top", "profiles check"}, command)
}

// isSetting tells whether a flag is one of a setting.
func isSetting(flag *kong.Flag) bool { return len(flag.Tag.Envs) > 0 }

// idle tells whether a setting means nothing for a command. Given are the flags on
// its line.
func idle(command string, setting *kong.Flag, given []string) bool {
	group := setting.Group.Key
	switch command {
	case "serve":
		return slices.Contains(given, "fixture") && (group == ofDatabase || group == ofReading)
	case "doctor":
		return false
	case "demo":
		return group == ofDatabase && setting.Name != "profile"
	case "profiles check":
		return group != ofDatabase && !slices.Contains([]string{"section-timeout", "max-rows"}, setting.Name)
	case "snapshot":
		return group == ofServing
	case "record", "top":
		if slices.Contains(given, "url") {
			return group != ofLog && setting.Name != "web.config.file"
		}
		return group == ofServing
	case "healthcheck":
		return !slices.Contains([]string{"listen", "health-listen", "web.config.file"}, setting.Name)
	default:
		return true
	}
}

// refuseIdle refuses a flag that does nothing: whoever writes it believes that it
// does.
func (l commandLine) refuseIdle(parser *kong.Kong) error {
	for _, setting := range parser.Model.Flags {
		if !isSetting(setting) || !slices.Contains(l.given, setting.Name) || !idle(l.command, setting, l.given) {
			continue
		}
		return fmt.Errorf("--%s does nothing for %s; leave it out (api help %s lists what does)", setting.Name, l.described(), l.command)
	}
	for needed, flags := range map[string][]string{
		"fixture": {"fixture-step", "fixture-loop"},
		"url":     {"user", "password-file", "ca-file", "cert", "key", "insecure"},
	} {
		given := func(flag string) bool { return slices.Contains(l.given, flag) }
		if at := slices.IndexFunc(flags, given); at >= 0 && !given(needed) && l.command != "healthcheck" {
			return fmt.Errorf("--%s does nothing without --%s; give both, or leave it out", flags[at], needed)
		}
	}
	return nil
}

// described is the command with what makes settings idle for it.
func (l commandLine) described() string {
	switch {
	case l.command == "demo":
		return "api demo, which brings a database and a worker of its own"
	case l.command == "serve":
		return "api serve --fixture, which plays a recording instead"
	case l.command == "top" && slices.Contains(l.given, "url"):
		return "api top --url, which asks a running service"
	case l.command == "record" && slices.Contains(l.given, "url"):
		return "api record --url, which asks a running service"
	default:
		return "api " + l.command
	}
}
