package main

import (
	"github.com/invopop/jsonschema"

	"github.com/orchmetrics/orchmetrics/domain"
)

// addForms says which keys the three forms of an answer have: the full one, the
// one narrowed to some sections, and that of the kill switch, which is short.
func addForms(root *jsonschema.Schema) {
	root.Title = "The envelope of /metrics"
	version, _ := root.Properties.Get("schema_version")
	version.Const = domain.SchemaVersion
	root.Properties.Set("enabled", &jsonschema.Schema{
		Type:        "boolean",
		Description: "false if the kill switch is off; the answer then has no other key than this and schema_version.",
	})

	answer := &jsonschema.Schema{}
	for _, key := range root.Required {
		switch {
		case domain.Core(key):
			answer.AllOf = append(answer.AllOf, unlessNarrowed(key))
		case key != "schema_version":
			answer.Required = append(answer.Required, key)
		}
	}
	root.Required = []string{"schema_version"}
	off := having("enabled", &jsonschema.Schema{Const: false})
	off.Required = []string{"enabled"}
	root.If, root.Else = off, answer
}

// unlessNarrowed requires the key of a section, except in an answer whose
// sections leave it out.
func unlessNarrowed(key string) *jsonschema.Schema {
	leftOut := having("sections", &jsonschema.Schema{Not: &jsonschema.Schema{Required: []string{key}}})
	leftOut.Required = []string{"sections"}
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Required: []string{key}}, leftOut}}
}

func having(key string, value *jsonschema.Schema) *jsonschema.Schema {
	properties := jsonschema.NewProperties()
	properties.Set(key, value)
	return &jsonschema.Schema{Properties: properties}
}
