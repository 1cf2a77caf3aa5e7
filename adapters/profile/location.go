package profile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Load returns the profile that a setting names: one of those that come with the
// program by its name, or a file by its path. syntax is as in [Parse]. The file is read
// once: whoever changes it starts the service anew.
func Load(named string, syntax func(sql string) error) (*Profile, error) {
	if named == "" {
		return nil, errors.New("no profile is named")
	}
	if !strings.ContainsAny(named, "./\\") {
		content, found := Builtin(named)
		if !found {
			return nil, fmt.Errorf("there is no profile %q; %s; a file is named with its folder, as ./%s.yaml",
				domain.Printable(named), domain.Choices(Names(), named), domain.Printable(named))
		}
		return Parse(named+".yaml", content, syntax)
	}
	content, err := readFile(named)
	if err != nil {
		return nil, err
	}
	return Parse(named, content, syntax)
}

// readFile reads a file that is not too large. What is not regular is not opened, since
// a pipe would keep us waiting.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, &Error{File: path, Text: "it is a directory, a pipe or a device; name a file"}
	}
	var file *os.File
	if err == nil {
		file, err = os.Open(filepath.Clean(path))
	}
	if err != nil {
		if failure, ok := errors.AsType[*fs.PathError](err); ok {
			err = failure.Err
		}
		return nil, &Error{File: path, Text: err.Error()}
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, &Error{File: path, Text: err.Error()}
	}
	return content, nil
}

// Locations returns where each database lies. first is where the first one does, where
// a setting says so; home is the folder that ~ stands for, empty if there is none.
func (p *Profile) Locations(first, home string) (map[string]string, error) {
	locations := make(map[string]string, len(p.Databases))
	for _, d := range p.Databases {
		location, err := p.location(d, first, home)
		if err != nil {
			return nil, &Error{File: p.File, Line: d.line, Key: below(keyDatabases, d.Name), Text: err.Error()}
		}
		locations[d.Name] = location
	}
	return locations, nil
}

func (p *Profile) location(d Database, first, home string) (string, error) {
	if d.Name == p.Databases[0].Name && first != "" {
		if isServer(first) != d.Server() {
			return "", fmt.Errorf("its queries are in the SQL of %s, and ORCH_DB names %s; take another profile, or correct ORCH_DB",
				engineOf(d.Path), engineOf(first))
		}
		return first, nil
	}
	if d.Beside != "" {
		for _, other := range p.Databases {
			if other.Name == d.Beside {
				location, err := p.location(other, first, home)
				return filepath.Join(filepath.Dir(pathOf(location)), d.Path), err
			}
		}
	}
	rest, found := strings.CutPrefix(d.Path, "~/")
	switch {
	case !found:
		return d.Path, nil
	case home == "":
		return "", errors.New("~ stands for the home of who runs the service, who has none; write the whole path")
	default:
		return filepath.Join(home, rest), nil
	}
}

// engineOf says for people what a location is one of.
func engineOf(location string) string {
	if isServer(location) {
		return "PostgreSQL"
	}
	return "SQLite"
}

// pathOf is the path in a file: URI, or the location itself.
func pathOf(location string) string {
	if uri, err := url.Parse(location); err == nil && uri.Scheme == "file" {
		if uri.Opaque != "" {
			path, _ := url.PathUnescape(uri.Opaque)
			return path
		}
		return uri.Path
	}
	return location
}
