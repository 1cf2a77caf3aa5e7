package app

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Schemas returns the JSON Schema of each section beside the core that declares
// one, by its key. It fails on a schema that is not one.
func (s *Service) Schemas() (map[string]json.RawMessage, error) {
	schemas := map[string]json.RawMessage{}
	for _, section := range s.sections {
		described, ok := section.source.(ports.Described)
		if !ok || domain.Core(section.key) {
			continue
		}
		schema, err := recovered(func() (json.RawMessage, error) {
			return schemaOf(section.key, described.Schema(), section.fallback)
		})
		if err != nil {
			return nil, fmt.Errorf("add schema of section %q: %w", section.key, err)
		}
		schemas[section.key] = schema
	}
	return schemas, nil
}

// schemaOf also allows what the envelope shows when the section fails. The schema
// gets a name of its own, so that what it refers to is looked up in itself and
// not in the envelope's.
func schemaOf(key string, declared json.RawMessage, fallback any) (json.RawMessage, error) {
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
	encoded, err := json.Marshal(map[string]any{"anyOf": []any{schema, map[string]any{"const": fallback}}})
	if err != nil {
		return nil, fmt.Errorf("write it: %w", err)
	}
	return encoded, nil
}
