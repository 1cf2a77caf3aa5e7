// Package contract puts together what machines check an answer against: the JSON
// Schema of the envelope, with the sections that this program has besides.
package contract

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/orchmetrics/orchmetrics/docs"
)

// Schema is a JSON Schema (draft 2020-12) of the envelope, as a document.
type Schema []byte

// New returns the schema with those that sections declare, by their key, among its
// properties. Without sections it is the committed document, byte for byte. A section may
// also be what defaults has under its key: the envelope shows that when it fails.
func New(declared, defaults map[string]json.RawMessage) (Schema, error) {
	if len(declared) == 0 {
		return Schema(docs.Schema), nil
	}
	var schema, properties map[string]json.RawMessage
	if err := json.Unmarshal([]byte(docs.Schema), &schema); err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	if err := json.Unmarshal(schema["properties"], &properties); err != nil {
		return nil, fmt.Errorf("read schema: properties: %w", err)
	}
	for key, section := range declared {
		if _, taken := properties[key]; taken {
			return nil, fmt.Errorf("add schema of section %q: the envelope has this key itself", key)
		}
		property, err := propertyOf(key, section, defaults[key])
		if err != nil {
			return nil, fmt.Errorf("add schema of section %q: %w", key, err)
		}
		properties[key] = property
	}
	merged, err := json.Marshal(properties)
	if err != nil {
		return nil, fmt.Errorf("write schema: properties: %w", err)
	}
	schema["properties"] = merged
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	return append(text, '\n'), nil
}

// propertyOf gives a section's schema a name of its own, so that what it refers to is
// looked up in itself and not in the envelope's.
func propertyOf(key string, declared, fallback json.RawMessage) (json.RawMessage, error) {
	var schema map[string]any
	if err := json.Unmarshal(declared, &schema); err != nil {
		return nil, fmt.Errorf("read it: %w", err)
	}
	if schema == nil {
		return nil, errors.New("read it: it is null")
	}
	if _, named := schema["$id"]; !named {
		schema["$id"] = "urn:orchmetrics:section:" + key
	}
	return json.Marshal(map[string]any{"anyOf": []any{schema, map[string]any{"const": fallback}}})
}
