package profile

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/orchmetrics/orchmetrics/internal/sqlite"
)

var update = flag.Bool("update", false, "write the schema of profiles anew")

const schemaFile = "../../docs/schema/profile.v1.json"

// TestGoldenSchema: the file is what the program prints.
func TestGoldenSchema(t *testing.T) {
	schema, err := Schema()
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(schemaFile, schema, 0o600))
	}
	committed, err := os.ReadFile(schemaFile)
	require.NoError(t, err)
	assert.Equal(t, string(committed), string(schema), "run make golden")
}

// TestSchema_AgreesWithTheParser: what an editor marks as wrong is refused, and what is
// refused for its keys is marked.
func TestSchema_AgreesWithTheParser(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	marked := 0
	for _, tt := range broken {
		var document any
		if yaml.Unmarshal([]byte(tt.content), &document) != nil {
			continue
		}
		if schema.Validate(document) != nil {
			marked++
			_, err := Parse("p.yaml", []byte(tt.content), nil)
			require.Error(t, err, tt.name)
		}
	}
	assert.Greater(t, marked, 40, "most of what is wrong with keys and types")
	for _, key := range []string{"an unknown key", "a query with an unknown key", "a bad state", "a form misspelt", "no version", "a time misspelt"} {
		for _, tt := range broken {
			if tt.name == key {
				var document any
				require.NoError(t, yaml.Unmarshal([]byte(tt.content), &document))
				require.Error(t, schema.Validate(document), key)
			}
		}
	}
	for _, good := range []string{head + stages, stmt("SELECT id AS task_id, s AS stage, t AS since FROM tasks") + "  times: {since: unix_s}\n"} {
		var document any
		require.NoError(t, yaml.Unmarshal([]byte(good), &document))
		require.NoError(t, schema.Validate(document))
		_, err := Parse("p.yaml", []byte(good), sqlite.Syntax)
		require.NoError(t, err)
	}
}

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := Schema()
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("profile.json", document))
	schema, err := compiler.Compile("profile.json")
	require.NoError(t, err)
	return schema
}
