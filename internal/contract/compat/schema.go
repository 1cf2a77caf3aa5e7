package compat

import (
	"slices"
	"strings"
)

// schema is a JSON Schema as it is decoded. One that is not an object is empty.
type schema map[string]any

// sub returns the schema, or the object of schemas, under a keyword.
func (s schema) sub(keyword string) schema { return sub(s, keyword) }

func sub(object schema, key string) schema {
	value, _ := object[key].(map[string]any)
	return value
}

// words returns the texts of a list, such as required.
func (s schema) words(keyword string) []string {
	list, _ := s[keyword].([]any)
	var words []string
	for _, item := range list {
		if word, ok := item.(string); ok {
			words = append(words, word)
		}
	}
	return words
}

// types returns which types a value may have; none is any.
func (s schema) types() []string {
	if one, ok := s["type"].(string); ok {
		return []string{one}
	}
	return s.words("type")
}

// resolve follows a reference within the document, and takes "this or null" apart.
// The name is that of the definition; empty if the schema is its own.
func (s schema) resolve(root schema) (resolved schema, name string, orNull bool) {
	if alternatives, ok := s["anyOf"].([]any); ok && len(alternatives) == 2 {
		first, _ := alternatives[0].(map[string]any)
		second, _ := alternatives[1].(map[string]any)
		if slices.Equal(schema(second).types(), []string{"null"}) && len(second) == 1 {
			s, orNull = first, true
		}
	}
	if ref, ok := s["$ref"].(string); ok {
		name = strings.TrimPrefix(ref, "#/$defs/")
		s = sub(root.sub("$defs"), name)
	}
	types := s.types()
	return s, name, orNull || slices.Contains(types, "null")
}
