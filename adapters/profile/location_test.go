package profile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/sqlite"
)

// TestLocations_Kind: queries are in the SQL of one engine, and a setting cannot make
// them those of the other. What a server finds wrong in them it says when it is there.
func TestLocations_Kind(t *testing.T) {
	t.Parallel()
	server, err := Load("river", sqlite.Syntax)
	require.NoError(t, err, "its SQL is no SQLite's")
	file, err := Load("openclaw", sqlite.Syntax)
	require.NoError(t, err)
	for _, url := range []string{"postgres://h/d", "postgresql://"} {
		locations, err := server.Locations(url, "")
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"db": url}, locations)
		_, err = file.Locations(url, "")
		require.ErrorContains(t, err, "its queries are in the SQL of SQLite, and ORCH_DB names PostgreSQL")
	}
	for _, path := range []string{"orch.db", "/orch.db", "file:///orch.db", "file:orch.db"} {
		_, err := server.Locations(path, "")
		require.ErrorContains(t, err, "its queries are in the SQL of PostgreSQL, and ORCH_DB names SQLite")
		_, err = file.Locations(path, "")
		require.NoError(t, err)
	}
}
