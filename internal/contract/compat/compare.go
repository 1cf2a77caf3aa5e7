package compat

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// comparison goes through two schemas side by side.
type comparison struct {
	before, after schema
	seen          map[[2]string]bool // definitions that were compared, since they may refer to themselves
	found         []string
}

// judged are the keywords that schemas compares by what they mean; those that
// only tell people something may change freely.
var judged = map[string]bool{
	"properties": true, "required": true, "type": true, "enum": true, "items": true, "additionalProperties": true,
	"else": true, "anyOf": true, "$ref": true, "$defs": true,

	"title": true, "description": true, "examples": true, "$comment": true, "deprecated": true, "$schema": true,
}

func (c *comparison) breakf(path, format string, args ...any) {
	c.found = append(c.found, strings.TrimPrefix(path, ".")+": "+fmt.Sprintf(format, args...))
}

// schemas compares what may be at one place of an answer.
func (c *comparison) schemas(path string, released, next schema) {
	before, nameBefore, nullBefore := released.resolve(c.before)
	after, nameAfter, nullAfter := next.resolve(c.after)
	if nullAfter && !nullBefore {
		c.breakf(path, "may now be null, which its readers do not expect")
	}
	if nameBefore != "" {
		pair := [2]string{nameBefore, nameAfter}
		if c.seen[pair] {
			return
		}
		c.seen[pair] = true
	}
	c.types(path, before, after)
	c.words(path, before, after)
	c.required(path, before, after)
	c.properties(path, before, after)
	c.within(path+"[]", "items", before, after)
	c.within(path+".*", "additionalProperties", before, after)
	c.within(path, "else", before, after)
	c.rest(path, before, after)
}

// types: null is judged apart.
func (c *comparison) types(path string, released, next schema) {
	notNull := func(s schema) []string {
		types := slices.DeleteFunc(slices.Clone(s.types()), func(name string) bool { return name == "null" })
		slices.Sort(types)
		return types
	}
	if before, after := notNull(released), notNull(next); !slices.Equal(before, after) {
		c.breakf(path, "retyped from %s to %s", either(before), either(after))
	}
}

func either(types []string) string {
	if len(types) == 0 {
		return "anything"
	}
	return strings.Join(types, " or ")
}

// words: a word more is for readers to tolerate, a word less is one that they
// wait for in vain, or that now goes by another name.
func (c *comparison) words(path string, released, next schema) {
	before, after := released.words("enum"), next.words("enum")
	for _, word := range before {
		if len(after) > 0 && !slices.Contains(after, word) {
			c.breakf(path, "the word %q is gone from its list", word)
		}
	}
	if len(before) == 0 && len(after) > 0 {
		c.breakf(path, "is now limited to a list of words")
	}
	if len(before) > 0 && len(after) == 0 {
		c.breakf(path, "is no longer limited to a list of words")
	}
}

// required: a reader relies on what is always there, and what it has kept of
// earlier answers must stay valid.
func (c *comparison) required(path string, released, next schema) {
	before, after := released.words("required"), next.words("required")
	for _, key := range after {
		if !slices.Contains(before, key) {
			c.breakf(path+"."+key, "is newly required; list it as additive in contract/gen, or give it omitempty")
		}
	}
	for _, key := range before {
		_, there := next.sub("properties")[key]
		_, was := released.sub("properties")[key]
		if !slices.Contains(after, key) && (there || !was) {
			c.breakf(path+"."+key, "is no longer required, so it may be missing")
		}
	}
}

func (c *comparison) properties(path string, released, next schema) {
	before, after := released.sub("properties"), next.sub("properties")
	for _, key := range slices.Sorted(maps.Keys(before)) {
		at := path + "." + key
		if _, there := after[key]; there {
			c.schemas(at, sub(before, key), sub(after, key))
			continue
		}
		if names := newNames(before, after, key); len(names) > 0 {
			c.breakf(at, "removed, or renamed to %s", strings.Join(names, " or "))
			continue
		}
		c.breakf(at, "removed")
	}
}

// newNames returns the keys that are new and whose values are like those of the
// key that is gone.
func newNames(before, after schema, gone string) []string {
	var names []string
	for _, key := range slices.Sorted(maps.Keys(after)) {
		_, old := before[key]
		if !old && reflect.DeepEqual(plain(before[gone]), plain(after[key])) {
			names = append(names, key)
		}
	}
	return names
}

// plain takes the words for people out of a schema.
func plain(value any) any {
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	bare := maps.Clone(object)
	delete(bare, "description")
	delete(bare, "examples")
	return bare
}

// within compares the schema under a keyword that both have; where only one has
// it, nobody has judged that.
func (c *comparison) within(path, keyword string, released, next schema) {
	before, had := released[keyword]
	after, has := next[keyword]
	switch {
	case !had && !has:
	case had != has:
		c.breakf(path, "%q came or went, which this check cannot judge", keyword)
	case isObject(before) && isObject(after):
		c.schemas(path, released.sub(keyword), next.sub(keyword))
	case !reflect.DeepEqual(before, after):
		c.breakf(path, "%q changed, which this check cannot judge", keyword)
	}
}

func isObject(value any) bool {
	_, object := value.(map[string]any)
	return object
}

// rest finds changes of keywords that are not judged by what they mean.
func (c *comparison) rest(path string, released, next schema) {
	keywords := map[string]bool{}
	for _, s := range []schema{released, next} {
		for keyword := range s {
			keywords[keyword] = !judged[keyword] || keyword == "anyOf" // "this or null" was taken apart
		}
	}
	for _, keyword := range slices.Sorted(maps.Keys(keywords)) {
		if keywords[keyword] && !reflect.DeepEqual(released[keyword], next[keyword]) {
			c.breakf(path, "%q changed, which this check cannot judge", keyword)
		}
	}
}
