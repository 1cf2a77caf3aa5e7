package compat_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/contract/compat"
)

// object is a JSON object that a case changes.
type object = map[string]any

// at returns the object at a path of keys.
func at(root object, path string) object {
	for key := range strings.SplitSeq(path, "/") {
		root = root[key].(object)
	}
	return root
}

func set(path, key string, value any) func(object) {
	return func(root object) { at(root, path)[key] = value }
}

func drop(path, key string) func(object) {
	return func(root object) { delete(at(root, path), key) }
}

func without(path, keyword, word string) func(object) {
	return func(root object) {
		var kept []any
		for _, item := range at(root, path)[keyword].([]any) {
			if item != word {
				kept = append(kept, item)
			}
		}
		at(root, path)[keyword] = kept
	}
}

func with(path, keyword, word string) func(object) {
	return func(root object) {
		list, _ := at(root, path)[keyword].([]any)
		at(root, path)[keyword] = append(list, word)
	}
}

func all(changes ...func(object)) func(object) {
	return func(root object) {
		for _, change := range changes {
			change(root)
		}
	}
}

func rename(path, key, name string) func(object) {
	return func(root object) {
		properties := at(root, path)
		properties[name] = properties[key]
		delete(properties, key)
	}
}

const (
	agent   = "$defs/Agent/properties"
	process = "$defs/Process"
)

// The cases change the released schema itself, so that they are of its own kind.
func TestCheck(t *testing.T) {
	t.Parallel()
	released, err := os.ReadFile("../../../docs/schema/v1.released.json")
	require.NoError(t, err)
	orNull := []any{"integer", "null"}
	for name, tc := range map[string]struct {
		change func(object)
		want   string // empty: it passes
	}{
		"nothing":                    {change: func(object) {}},
		"a new field":                {change: set(agent, "tty", object{"type": "string"})},
		"a new field of another":     {change: set(agent, "limits", object{"$ref": "#/$defs/Limits"})},
		"a new section":              {change: set("properties", "disks", object{"type": "array", "items": object{"type": "object"}})},
		"a new status word":          {change: with(process+"/properties/status", "enum", "traced")},
		"null no more":               {change: set(agent+"/pid", "type", "integer")},
		"another description":        {change: set(agent+"/pid", "description", "the process")},
		"more examples":              {change: set("$defs/SectionReport/properties/code", "examples", []any{"x"})},
		"a version that rose":        {change: all(drop("properties", "agents"), set("properties/schema_version", "const", 2))},
		"a definition's name":        {change: all(rename("$defs", "Stage", "Task"), set("properties/stages/items", "$ref", "#/$defs/Task"))},
		"a section removed":          {drop("properties", "agents"), "agents: removed"},
		"a field removed":            {drop(agent, "pid"), "agents[].pid: removed"},
		"a field of a field removed": {drop(process+"/properties", "tree_cpu_ticks"), "agents[].process.tree_cpu_ticks: removed"},
		"a field renamed": {
			rename("$defs/Queue/properties", "worker_updated_at", "updated_at"),
			"queue.worker_updated_at: removed, or renamed to updated_at",
		},
		"retyped":                {set(agent+"/job_id", "type", "string"), "agents[].job_id: retyped from integer to string"},
		"retyped beside null":    {set(agent+"/pid", "type", []any{"number", "null"}), "agents[].pid: retyped from integer to number"},
		"one type more":          {set(agent+"/job_id", "type", []any{"integer", "string"}), "agents[].job_id: retyped from integer to integer or string"},
		"no type any more":       {drop(agent+"/job_id", "type"), "agents[].job_id: retyped from integer to anything"},
		"a list became a map":    {set("properties/stages", "type", "object"), "stages: retyped from array to object"},
		"items retyped":          {set("properties/stages", "items", object{"type": "string"}), "stages[]: retyped from object to string"},
		"a map's values retyped": {set("$defs/Queue/properties/counts/additionalProperties", "type", "number"), "queue.counts.*: retyped"},
		"null where it was not":  {set(agent+"/job_id", "type", orNull), "agents[].job_id: may now be null"},
		"an object or null": {
			set("properties", "clock", object{"anyOf": []any{object{"$ref": "#/$defs/Instant"}, object{"type": "null"}}}),
			"clock: may now be null",
		},
		"newly required":              {with("$defs/Agent", "required", "process"), "agents[].process: is newly required"},
		"new and required":            {all(set(agent, "tty", object{}), with("$defs/Agent", "required", "tty")), "agents[].tty: is newly required"},
		"newly required at the root":  {with("else", "required", "clock"), "clock: is newly required"},
		"no longer required":          {without("$defs/Agent", "required", "pid"), "agents[].pid: is no longer required"},
		"no longer required, root":    {without("else", "required", "clk_tck"), "clk_tck: is no longer required"},
		"a section need not be there": {set("else", "allOf", []any{}), `"allOf" changed`},
		"the kill switch's form":      {drop("if", "required"), `"if" changed`},
		"a word less":                 {without(process+"/properties/status", "enum", "zombie"), `agents[].process.status: the word "zombie" is gone`},
		"a word renamed": {
			all(without("$defs/SectionReport/properties/status", "enum", "timeout"), with("$defs/SectionReport/properties/status", "enum", "late")),
			`sections.*.status: the word "timeout" is gone`,
		},
		"a list of words came":   {with(agent+"/effort", "enum", "high"), "agents[].effort: is now limited"},
		"a list of words went":   {drop(process+"/properties/status", "enum"), "agents[].process.status: is no longer limited"},
		"another format":         {set("properties/generated_at", "format", "date"), `generated_at: "format" changed`},
		"unknown keys forbidden": {set("$defs/Agent", "additionalProperties", false), `agents[].*: "additionalProperties" came or went`},
		"an unknown keyword":     {set(agent+"/pid", "minimum", 1), `agents[].pid: "minimum" changed`},
		"a version that fell":    {set("properties/schema_version", "const", 0), "schema_version: fell from 1 to 0"},
		"a dangling definition":  {drop("$defs", "Instant"), "clock.unix_ms: removed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var next object
			require.NoError(t, json.Unmarshal(released, &next))
			tc.change(next)
			encoded, err := json.Marshal(next)
			require.NoError(t, err)
			err = compat.Check(released, encoded)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, compat.ErrBreaking)
			assert.Contains(t, err.Error(), tc.want)
			assert.Contains(t, err.Error(), "raise domain.SchemaVersion")
		})
	}
}

func TestCheck_NamesEveryBreak(t *testing.T) {
	t.Parallel()
	err := compat.Check([]byte(`{"properties":{"a":{},"b":{"type":"string"}}}`), []byte(`{"properties":{"b":{"type":"null"}}}`))
	assert.EqualError(t, err, "the envelope changes in a way that breaks its readers:\n"+
		"  a: removed\n  b: may now be null, which its readers do not expect\n  b: retyped from string to anything\n"+
		"keep what is there and add beside it, or raise domain.SchemaVersion (see CONTRIBUTING.md)")
}

func TestCheck_DefinitionsMayReferToThemselves(t *testing.T) {
	t.Parallel()
	tree := []byte(`{"$ref":"#/$defs/Tree","$defs":{"Tree":{"properties":{"child":{"$ref":"#/$defs/Tree"}}}}}`)
	assert.NoError(t, compat.Check(tree, tree))
}

func TestCheck_RefusesWhatIsNoSchema(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, compat.Check([]byte(`[]`), []byte(`{}`)), "read the released schema")
	assert.ErrorContains(t, compat.Check([]byte(`{}`), []byte(`{`)), "read the next schema")
}
