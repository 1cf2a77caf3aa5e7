package profile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/sqlite"
)

// TestCost_NoScans: what Hermes and Mission Control read at each scrape is found by
// indexes: no step goes over all rows of a table, whatever ANALYZE has found.
func TestCost_NoScans(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{"hermes": "hermes.sql", "mission-control": "mission-control.sql", "openclaw": "openclaw.sql"} {
		text, err := os.ReadFile("../../tests/testdata/" + script)
		require.NoError(t, err)
		for _, analyzed := range []string{"SELECT 1", "ANALYZE"} {
			path := filepath.Join(t.TempDir(), "orch.db")
			writer(t, path, string(text), analyzed)
			p, err := Load(name, sqlite.Syntax)
			require.NoError(t, err)
			for _, f := range storeOf(t, p, path, exact).Check(t.Context()) {
				for _, scan := range f.Scans {
					own := scan == "SCAN states" // the states that there are
					assert.True(t, f.History || own, "%s: %s: %s", name, f.Query, scan)
				}
			}
		}
	}
}
