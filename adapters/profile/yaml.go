package profile

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/orchmetrics/orchmetrics/domain"
)

// This file reads the few things of YAML that a profile is made of: keys with values,
// lists, texts and switches.

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
	e := &Error{File: p.file, Text: "it is no YAML: " + yamlLine.ReplaceAllString(err.Error(), "")}
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
