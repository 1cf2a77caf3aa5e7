package main

import (
	"os"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBoundMemory_UnlessSet: who sets Go's own variables knows better.
func TestBoundMemory_UnlessSet(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	defer func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}()
	t.Setenv("GOGC", "100")
	t.Setenv("GOMEMLIMIT", "1GiB")
	boundMemory()
	assert.Equal(t, limit, debug.SetMemoryLimit(-1))
	assert.Equal(t, 100, debug.SetGCPercent(100))

	require.NoError(t, os.Unsetenv("GOGC"))
	require.NoError(t, os.Unsetenv("GOMEMLIMIT"))
	boundMemory()
	assert.Equal(t, int64(memoryLimit), debug.SetMemoryLimit(-1))
	assert.Equal(t, 50, debug.SetGCPercent(100))
}
