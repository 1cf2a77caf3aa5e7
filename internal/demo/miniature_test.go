package demo_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/demo"
)

func TestMiniature_Unknown(t *testing.T) {
	_, err := demo.StartMiniature(t.Context(), "nobody", demo.Options{})
	require.ErrorContains(t, err, `there is no miniature of "nobody"; there are hermes, kandev, mission-control, openclaw`)
}

// TestMiniature_LeavesNothing: whatever each does in its first rounds, it goes without a
// trace.
func TestMiniature_LeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, name := range demo.Profiles() {
		m, err := demo.StartMiniature(t.Context(), name, demo.Options{Seed: 1})
		require.NoError(t, err, name)
		assert.FileExists(t, m.DB())
		require.NoError(t, m.Stop())
		left, err := filepath.Glob(filepath.Join(os.TempDir(), "*"))
		require.NoError(t, err)
		assert.Empty(t, left)
	}
}
