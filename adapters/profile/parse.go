package profile

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Error is what is wrong with a profile: one line that says where and what to write.
type Error struct {
	File string
	Line int    // 0 if it is none in particular
	Key  string // as running.sql; empty if it is none in particular
	Text string
}

// maxMessage is where a message is cut, in characters: keys may be of any length.
const maxMessage = 800

// Error implements error.
func (e *Error) Error() string {
	text := e.File
	if e.Line > 0 {
		text += ":" + strconv.Itoa(e.Line)
	}
	if e.Key != "" {
		text += ": " + e.Key
	}
	text = domain.Printable(text + ": " + e.Text)
	if letters := []rune(text); len(letters) > maxMessage {
		text = string(letters[:maxMessage]) + "…"
	}
	return text
}

// Parse reads a profile. file is its name in messages. syntax says what the
// engine of files finds wrong in a statement as it is written, without any database; nil
// asks none.
// Any error is an *Error.
func Parse(file string, content []byte, syntax func(sql string) error) (*Profile, error) {
	p := parser{file: file, syntax: syntax}
	root, err := p.document(content)
	if err != nil {
		return nil, err
	}
	return p.profile(root)
}

// parser goes over the nodes of the file. Each method takes the key that is told if
// something is wrong.
type parser struct {
	file   string
	syntax func(string) error
}

func (p parser) errorf(node *yaml.Node, key, format string, args ...any) error {
	e := &Error{File: p.file, Key: key, Text: fmt.Sprintf(format, args...)}
	if node != nil {
		e.Line = node.Line
	}
	return e
}

// identifier is what names a profile or a database.
var identifier = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

// profile reads the whole file.
func (p parser) profile(root *yaml.Node) (*Profile, error) {
	known := []string{keyVersion, keyName, keyAbout, keyDatabases, keyStates}
	for _, f := range forms() {
		known = append(known, f.key)
	}
	entries, err := p.mapping(root, "", known)
	if err != nil {
		return nil, err
	}
	made := &Profile{File: p.file, states: map[string]string{}, queries: map[string]*query{}}
	given := map[string]entry{}
	for _, e := range entries {
		given[e.key] = e
	}
	// The order is that of what depends on what, whatever that of the file is.
	for _, step := range []func(map[string]entry, *Profile) error{p.version, p.names, p.databases, p.states, p.queries} {
		if err := step(given, made); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// version tells whether the file is of this version.
func (p parser) version(given map[string]entry, _ *Profile) error {
	e, found := given[keyVersion]
	if !found {
		return p.errorf(nil, keyVersion, "the key is missing; write %s: %d, which is the version of the format", keyVersion, Version)
	}
	if e.value.Kind != yaml.ScalarNode || e.value.Value != strconv.Itoa(Version) {
		return p.errorf(e.value, keyVersion, "this program reads version %d; write %s: %d", Version, keyVersion, Version)
	}
	return p.plain(e.value, keyVersion)
}

// names reads what the profile is called.
func (p parser) names(given map[string]entry, made *Profile) (err error) {
	e, found := given[keyName]
	if !found {
		return p.errorf(nil, keyName, "the key is missing; write a name of lower-case letters, digits and dashes")
	}
	if made.Name, err = p.text(e.value, keyName); err != nil {
		return err
	}
	if !identifier.MatchString(made.Name) {
		return p.errorf(e.value, keyName, "%q is no name; write at most 63 lower-case letters, digits and dashes, a letter first", made.Name)
	}
	if e, found := given[keyAbout]; found {
		if made.About, err = p.text(e.value, keyAbout); err == nil && strings.ContainsAny(made.About, "\n\r") {
			err = p.errorf(e.value, keyAbout, "it has more than one line")
		}
	}
	return err
}

// databases reads where the databases are, and whether each is somewhere.
func (p parser) databases(given map[string]entry, made *Profile) error {
	e, found := given[keyDatabases]
	if !found {
		return p.errorf(nil, keyDatabases, "the key is missing; write a name and a path below it, as in db: ~/app/state.db")
	}
	entries, err := p.mapping(e.value, keyDatabases, nil)
	switch {
	case err != nil:
		return err
	case len(entries) == 0:
		return p.errorf(e.value, keyDatabases, "there is none; write a name and a path, as in db: ~/app/state.db")
	case len(entries) > maxDatabases:
		return p.errorf(entries[maxDatabases].node, keyDatabases, "there are more than %d", maxDatabases)
	}
	for _, e := range entries {
		path := below(keyDatabases, e.key)
		if !identifier.MatchString(e.key) {
			return p.errorf(e.node, keyDatabases, "%q is no name; write at most 63 lower-case letters, digits and dashes, a letter first", e.key)
		}
		database, err := p.database(e, path)
		if err != nil {
			return err
		}
		made.Databases = append(made.Databases, database)
	}
	if first := made.Databases[0]; first.Beside != "" || first.Optional {
		return p.errorf(entries[0].node, below(keyDatabases, first.Name),
			"the first database is the one that must be there, and lies beside no other; write its path alone")
	}
	return p.besides(made)
}

func (p parser) database(e entry, path string) (d Database, err error) {
	d = Database{Name: e.key, line: e.node.Line}
	if e.value.Kind != yaml.MappingNode {
		d.Path, err = p.text(e.value, path)
		return d, err
	}
	keys, err := p.mapping(e.value, path, []string{keyPath, keyBeside, keyOptional})
	for _, k := range keys {
		switch k.key {
		case keyPath:
			d.Path, err = p.text(k.value, below(path, keyPath))
		case keyBeside:
			d.Beside, err = p.text(k.value, below(path, keyBeside))
		case keyOptional:
			d.Optional, err = p.flag(k.value, below(path, keyOptional))
		}
		if err != nil {
			return d, err
		}
	}
	switch {
	case err != nil:
		return d, err
	case d.Path == "":
		return d, p.errorf(e.node, path, "the key %s is missing; write where the database lies", keyPath)
	case d.Beside != "" && (filepath.IsAbs(d.Path) || strings.HasPrefix(d.Path, "~") || strings.Contains(d.Path, ":")):
		return d, p.errorf(e.node, below(path, keyPath),
			"it cannot begin in the folder of %s; write the name of a file, or leave %s out", d.Beside, keyBeside)
	}
	return d, nil
}

// besides tells whether each database leads to one that lies somewhere by itself.
func (p parser) besides(made *Profile) error {
	for _, d := range made.Databases {
		key := below(below(keyDatabases, d.Name), keyBeside)
		at := &yaml.Node{Line: d.line}
		for steps, next := 0, d; next.Beside != ""; steps++ {
			i := slices.IndexFunc(made.Databases, func(other Database) bool { return other.Name == next.Beside })
			if i < 0 {
				return p.errorf(at, key, "there is no database %q; %s", next.Beside, domain.Choices(made.databaseNames(), next.Beside))
			}
			if next = made.Databases[i]; steps > len(made.Databases) {
				return p.errorf(at, key, "it leads in a circle; let one of them have a path of its own")
			}
			if next.Server() {
				return p.errorf(at, key, "%s is on a server, which has no folder; write the whole path", next.Name)
			}
		}
	}
	return nil
}

func (p *Profile) databaseNames() (names []string) {
	for _, d := range p.Databases {
		names = append(names, d.Name)
	}
	return names
}

// states reads which of our states each of theirs is.
func (p parser) states(given map[string]entry, made *Profile) error {
	e, found := given[keyStates]
	if !found {
		return nil
	}
	entries, err := p.mapping(e.value, keyStates, domain.KnownStatuses())
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := below(keyStates, e.key)
		theirs, err := p.texts(e.value, path)
		if err != nil {
			return err
		}
		for _, state := range theirs {
			if ours, taken := made.states[state]; taken {
				return p.errorf(e.value, path, "%q is %s already; write it once", state, ours)
			}
			made.states[state] = e.key
		}
	}
	return nil
}
