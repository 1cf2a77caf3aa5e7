package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSchema(t *testing.T) {
	committed, err := os.ReadFile(filepath.Join("..", "..", "docs", "schema", "v1.json"))
	require.NoError(t, err)
	isolated(t)
	status, stdout, stderr := call(t, "schema")
	assert.Equal(t, exitOK, status, stderr)
	assert.Equal(t, string(committed), stdout)
	t.Setenv("ORCH_METRICS_ENABLED", "off")
	t.Setenv("ORCH_DB", "")
	t.Setenv("ORCH_MAX_ROWS", "many")
	status, stdout, stderr = call(t, "schema")
	assert.Equal(t, exitOK, status, stderr)
	assert.Equal(t, string(committed), stdout, "no setting has a part in it")
}
