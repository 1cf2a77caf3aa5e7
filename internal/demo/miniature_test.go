package demo_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/demo"
)

func TestMiniature_Refused(t *testing.T) {
	for _, refused := range []struct{ profile, postgres, why string }{
		{"nobody", "", `there is no miniature of "nobody"; there are hermes, kandev, mission-control, openclaw, and with --postgres multica, paperclip, river`},
		{"river", "", "river keeps its tables in PostgreSQL; add --postgres URL, such as postgres://user@host/database"},
		{"hermes", "postgres://127.0.0.1/", "hermes keeps its tables in SQLite; leave --postgres out"},
		{"../river", "postgres://127.0.0.1/", `there is no miniature of "../river"`},
		{"multica", "a b", "--postgres is no URL of a PostgreSQL database; write postgres://user@host/database"},
		{"multica", "host=127.0.0.1 port=1 dbname=x", "--postgres is no URL of a PostgreSQL database"}, // pgx takes it, the service does not
	} {
		_, err := demo.StartMiniature(t.Context(), refused.profile, demo.Options{Postgres: refused.postgres})
		require.ErrorContains(t, err, refused.why)
	}
}

// TestMiniature_LeavesNothing: whatever each does in its first rounds, it goes without a
// trace.
func TestMiniature_LeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, name := range demo.Profiles(demo.SQLite) {
		m, err := demo.StartMiniature(t.Context(), name, demo.Options{Seed: 1})
		require.NoError(t, err, name)
		assert.FileExists(t, m.DB())
		require.NoError(t, m.Stop())
		left, err := filepath.Glob(filepath.Join(os.TempDir(), "*"))
		require.NoError(t, err)
		assert.Empty(t, left)
	}
}
