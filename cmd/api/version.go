package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
)

// What `make static` tells the linker (-X main.version=…). Other builds leave
// them empty, and what the Go tool recorded counts.
//
//nolint:gochecknoglobals // the linker sets package variables and nothing else
var version, commit, date string

// versionCmd prints the version.
type versionCmd struct{}

// Run implements the command.
func (versionCmd) Run(stdout io.Writer) error {
	_, err := fmt.Fprintln(stdout, thisBuild().line())
	return err //nolint:wrapcheck // a closed standard output speaks for itself
}

// line is what api version and api --version print.
func (b build) line() string {
	return fmt.Sprintf("orchmetrics %s (commit %s of %s, %s, %s/%s)",
		b.version, known(b.commit), known(b.date), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func known(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

// build says what a program was built from.
type build struct {
	version string // a tag, a pseudo-version, or "devel"
	commit  string // empty if unknown; ends in -dirty if files differed from it
	date    string // when it was committed, RFC 3339 in UTC; empty if unknown
}

// thisBuild is what this program was built from.
func thisBuild() build {
	if version != "" {
		return build{version, commit, date}
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return build{version: "devel"}
	}
	return recorded(info)
}

// recorded reads what the Go tool noted: the module's version if it was installed
// as `go install …@v1.2.3`, and with a git repository around it the commit.
func recorded(info *debug.BuildInfo) build {
	b := build{version: strings.TrimSuffix(info.Main.Version, "+dirty")} // the commit says so too
	if b.version == "" || b.version == "(devel)" {
		b.version = "devel"
	}
	dirty := false
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.commit = setting.Value[:min(12, len(setting.Value))]
		case "vcs.time":
			b.date = setting.Value
		case "vcs.modified":
			dirty = setting.Value == "true"
		}
	}
	if dirty {
		b.commit += "-dirty"
	}
	return b
}

// String is all of it as one version: commit and date are SemVer's build
// metadata, such as v1.2.3+461c529b12ab.20260601T120000Z.
func (b build) String() string {
	text, separator := b.version, "+"
	if strings.Contains(text, separator) {
		separator = "."
	}
	for _, part := range []string{b.commit, strings.NewReplacer("-", "", ":", "").Replace(b.date)} {
		if part != "" {
			text += separator + part
			separator = "."
		}
	}
	return text
}
