package main

import (
	"os"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBoundMemory_UnlessSet: who sets Go's own variable knows better.
func TestBoundMemory_UnlessSet(t *testing.T) {
	limit := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(limit)
	t.Setenv("GOMEMLIMIT", "1GiB")
	boundMemory()
	assert.Equal(t, limit, debug.SetMemoryLimit(-1))

	require.NoError(t, os.Unsetenv("GOMEMLIMIT"))
	boundMemory()
	assert.Equal(t, int64(memoryLimit), debug.SetMemoryLimit(-1))
}
