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
	_, stdout, _ = call(t, "schema", "--metrics-enabled=off")
	assert.Equal(t, string(committed), stdout, "the switch has no part in it")
	status, _, stderr = call(t, "schema", "--db=")
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, stderr, "ORCH_DB")
}
