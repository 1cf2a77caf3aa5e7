// Package contract puts together what machines check an answer against: the JSON
// Schema of the envelope, with the sections that this program has besides.
package contract

import (
	"encoding/json"
	"fmt"

	"github.com/orchmetrics/orchmetrics/docs"
)

// Schema is a JSON Schema (draft 2020-12) of the envelope, as a document.
type Schema []byte

// New returns the schema with those of the sections, by their key, among its
// properties. Without sections it is the committed document, byte for byte.
func New(sections map[string]json.RawMessage) (Schema, error) {
	if len(sections) == 0 {
		return Schema(docs.Schema), nil
	}
	var schema, properties map[string]json.RawMessage
	if err := json.Unmarshal([]byte(docs.Schema), &schema); err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	if err := json.Unmarshal(schema["properties"], &properties); err != nil {
		return nil, fmt.Errorf("read schema: properties: %w", err)
	}
	for key, section := range sections {
		if _, taken := properties[key]; taken {
			return nil, fmt.Errorf("add schema of section %q: the envelope has this key itself", key)
		}
		properties[key] = section
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
