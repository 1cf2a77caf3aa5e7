package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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

// Error implements error.
func (e *Error) Error() string {
	text := e.File
	if e.Line > 0 {
		text += ":" + strconv.Itoa(e.Line)
	}
	if e.Key != "" {
		text += ": " + e.Key
	}
	return text + ": " + e.Text
}

// Parse reads a profile. file is its name in messages. syntax says what an engine
// finds wrong in a statement as it is written, without any database; nil asks none.
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
	e := &Error{File: p.file, Key: key, Text: domain.Printable(fmt.Sprintf(format, args...))}
	if node != nil {
		e.Line = node.Line
	}
	return e
}

// yamlLine is how the library says where something is wrong.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// document reads the only document of a file.
func (p parser) document(content []byte) (*yaml.Node, error) {
	if len(content) > maxFile {
		return nil, p.errorf(nil, "", "it has more than %d bytes; a profile has a few queries and nothing else", maxFile)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var root, more yaml.Node
	err := decoder.Decode(&root)
	if errors.Is(err, io.EOF) {
		return nil, p.errorf(nil, "", "it is empty; `api profiles show hermes` prints one to start with")
	}
	if err == nil {
		if err = decoder.Decode(&more); errors.Is(err, io.EOF) {
			return root.Content[0], nil
		}
		if err == nil {
			return nil, p.errorf(&more, "", "a second document begins; write one profile a file")
		}
	}
	e := &Error{File: p.file, Text: "it is no YAML: " + domain.Printable(yamlLine.ReplaceAllString(err.Error(), ""))}
	if found := yamlLine.FindStringSubmatch(err.Error()); found != nil {
		e.Line, _ = strconv.Atoi(found[1])
	}
	return nil, e
}

// entry is one key of a mapping and its value.
type entry struct {
	key   string
	node  *yaml.Node // of the key
	value *yaml.Node
}

// mapping returns the entries of a mapping. known are the keys that there may be; any
// if there are none.
func (p parser) mapping(node *yaml.Node, path string, known []string) (entries []entry, err error) {
	if err := p.plain(node, path); err != nil {
		return nil, err
	}
	if node.Kind != yaml.MappingNode {
		return nil, p.errorf(node, path, "it is %s; write keys and their values, one a line", kindOf(node))
	}
	for i := 0; i < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		if err := p.plain(name, path); err != nil {
			return nil, err
		}
		key := name.Value
		if name.Kind != yaml.ScalarNode || key == "" {
			return nil, p.errorf(name, path, "a key is no word")
		}
		if len(known) > 0 && !slices.Contains(known, key) {
			return nil, p.errorf(name, path, "there is no key %q; %s", key, domain.Choices(known, key))
		}
		if slices.ContainsFunc(entries, func(e entry) bool { return e.key == key }) {
			return nil, p.errorf(name, below(path, key), "the key is there twice")
		}
		entries = append(entries, entry{key, name, value})
	}
	return entries, nil
}

// plain refuses what YAML has to make much of little: anchors, aliases and tags.
func (p parser) plain(node *yaml.Node, path string) error {
	switch {
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		return p.errorf(node, path, "anchors and aliases (& and *) are not read; write the value itself")
	case node.Style&yaml.TaggedStyle != 0:
		return p.errorf(node, path, "tags (%s) are not read; leave it out", node.Tag)
	default:
		return nil
	}
}

// text returns the value of a text.
func (p parser) text(node *yaml.Node, path string) (string, error) {
	if err := p.plain(node, path); err != nil {
		return "", err
	}
	switch {
	case node.Kind != yaml.ScalarNode || node.Tag != "!!str":
		return "", p.errorf(node, path, "it is %s; write a text", kindOf(node))
	case strings.TrimSpace(node.Value) == "":
		return "", p.errorf(node, path, "it is empty; write a text")
	case len(node.Value) > maxText:
		return "", p.errorf(node, path, "it has more than %d bytes", maxText)
	default:
		return node.Value, nil
	}
}

// texts returns the values of a list of texts.
func (p parser) texts(node *yaml.Node, path string) (list []string, err error) {
	if err := p.plain(node, path); err != nil {
		return nil, err
	}
	if node.Kind != yaml.SequenceNode {
		return nil, p.errorf(node, path, "it is %s; write a list, such as [a, b]", kindOf(node))
	}
	for _, item := range node.Content {
		value, err := p.text(item, path)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, nil
}

// flag returns the value of a switch.
func (p parser) flag(node *yaml.Node, path string) (bool, error) {
	if err := p.plain(node, path); err != nil {
		return false, err
	}
	if node.Kind != yaml.ScalarNode || node.Tag != "!!bool" {
		return false, p.errorf(node, path, "it is %s; write true or false", kindOf(node))
	}
	return node.Value == "true", nil
}

// kindOf says for people what a node is.
func kindOf(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case node.Kind == yaml.MappingNode:
		return "a group of keys"
	case node.Tag == "!!null":
		return "empty"
	case node.Tag == "!!int", node.Tag == "!!float":
		return "the number " + node.Value
	case node.Tag == "!!bool":
		return "the switch " + node.Value
	case node.Tag == "!!timestamp":
		return "the date " + node.Value
	default:
		return "a text"
	}
}

func below(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
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
