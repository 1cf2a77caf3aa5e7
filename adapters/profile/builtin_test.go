package profile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/sqlite"
)

// TestBuiltin: each that comes with the program is read, and has the name of its file.
func TestBuiltin(t *testing.T) {
	t.Parallel()
	assert.Contains(t, Names(), "hermes")
	for _, name := range Names() {
		p, err := Load(name, sqlite.Syntax)
		require.NoError(t, err)
		assert.Equal(t, name, p.Name)
		assert.NotEmpty(t, p.About)
		assert.True(t, p.Has(Stages) && p.Has(Running), name)
	}
}
