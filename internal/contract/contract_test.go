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
	plain, err := contract.New(nil)
	require.NoError(t, err)
	assert.Equal(t, docs.Schema, string(plain), "byte for byte")

	merged, err := contract.New(map[string]json.RawMessage{"disks": json.RawMessage(`{"type":"array","description":"of the host"}`)})
	require.NoError(t, err)
	var before, after map[string]any
	require.NoError(t, json.Unmarshal(plain, &before))
	require.NoError(t, json.Unmarshal(merged, &after))
	properties := after["properties"].(map[string]any)
	assert.Equal(t, map[string]any{"type": "array", "description": "of the host"}, properties["disks"])
	delete(properties, "disks")
	assert.Equal(t, before, after, "nothing else changes")

	for _, key := range []string{"stages", "clock", "enabled"} {
		_, err = contract.New(map[string]json.RawMessage{key: json.RawMessage(`{}`)})
		require.ErrorContains(t, err, "the envelope has this key itself")
	}
	_, err = contract.New(map[string]json.RawMessage{"disks": json.RawMessage(`{`)})
	require.Error(t, err)
}
