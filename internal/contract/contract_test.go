package contract_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/docs"
	"github.com/orchmetrics/orchmetrics/internal/contract"
)

func TestNew(t *testing.T) {
	t.Parallel()
	plain, err := contract.New(nil, nil)
	require.NoError(t, err)
	assert.Equal(t, docs.Schema, string(plain), "byte for byte")

	declared := map[string]json.RawMessage{
		"disks": json.RawMessage(`{"type":"array","description":"of the host"}`), "gpus": json.RawMessage(`{"$id":"urn:gpus"}`),
	}
	merged, err := contract.New(declared, map[string]json.RawMessage{"disks": json.RawMessage(`[]`)})
	require.NoError(t, err)
	var before, after map[string]any
	require.NoError(t, json.Unmarshal(plain, &before))
	require.NoError(t, json.Unmarshal(merged, &after))
	properties := after["properties"].(map[string]any)
	assert.Equal(t, map[string]any{"anyOf": []any{
		map[string]any{"type": "array", "description": "of the host", "$id": "urn:orchmetrics:section:disks"}, map[string]any{"const": []any{}},
	}}, properties["disks"], "or its default")
	assert.Equal(t, map[string]any{"anyOf": []any{map[string]any{"$id": "urn:gpus"}, map[string]any{"const": nil}}}, properties["gpus"])
	delete(properties, "disks")
	delete(properties, "gpus")
	assert.Equal(t, before, after, "nothing else changes")

	for _, key := range []string{"stages", "clock", "enabled"} {
		_, err = contract.New(map[string]json.RawMessage{key: json.RawMessage(`{}`)}, nil)
		require.ErrorContains(t, err, "the envelope has this key itself")
	}
	for _, none := range []string{`{`, `null`, `[]`, ``} {
		_, err = contract.New(map[string]json.RawMessage{"disks": json.RawMessage(none)}, nil)
		require.ErrorContains(t, err, `add schema of section "disks": read it`, none)
	}
}
