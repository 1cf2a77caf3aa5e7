package postgres

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

// TestUntrusted: what a query of somebody else's leaves on its connection goes with it.
func TestUntrusted(t *testing.T) {
	t.Parallel()
	schema := postgrestest.NewSchema(t)
	owner := schema.Writer(t)
	e, err := New(Location{URL: schema.Reader(), Untrusted: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	count := func(query string) (n int) {
		require.NoError(t, owner.QueryRow(t.Context(), query).Scan(&n))
		return n
	}
	const locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711"
	v := engine.NewView(t.Context(), e)
	s, err := v.Session(t.Context())
	require.NoError(t, err)
	rows := s.Query("SELECT pg_advisory_lock(4711)::text")
	for rows.Next() {
		_ = rows.Rest()
	}
	require.NoError(t, rows.Close())
	assert.Equal(t, 1, count(locks))
	s.End()
	v.End()
	assert.Eventually(t, func() bool { return count(locks) == 0 }, 20*time.Second, 10*time.Millisecond)
}

// TestRewritten: a table that was emptied, rewritten or put in the place of another after
// the transaction began looks empty to it. What was read of it does not count, though
// nobody has told the engine which tables there are.
func TestRewritten(t *testing.T) {
	t.Parallel()
	schema := postgrestest.NewSchema(t)
	owner := schema.Writer(t)
	e := newEngine(t, schema.Reader())
	for name, statements := range map[string][]string{
		"nothing":           nil,
		"another's rows":    {"INSERT INTO things VALUES (2)"},
		"emptied":           {"TRUNCATE things"},
		"rewritten":         {"ALTER TABLE things ALTER COLUMN id TYPE int"},
		"vacuumed":          {"VACUUM FULL things"},
		"another in place":  {"CREATE TABLE others AS SELECT * FROM things", "DROP TABLE things", "ALTER TABLE others RENAME TO things"},
		"index made anew":   {"REINDEX TABLE things"},
		"beside it emptied": {"TRUNCATE beside"},
	} {
		postgrestest.Exec(t, owner, "DROP TABLE IF EXISTS things, others, beside", "CREATE TABLE things (id bigint PRIMARY KEY)", "CREATE TABLE beside (id bigint)",
			"INSERT INTO things VALUES (1)", "GRANT SELECT ON ALL TABLES IN SCHEMA "+schema.Name+" TO metrics",
			"ALTER DEFAULT PRIVILEGES IN SCHEMA "+schema.Name+" GRANT SELECT ON TABLES TO metrics")
		v := engine.NewView(t.Context(), e)
		s, err := v.Session(t.Context())
		require.NoError(t, err, name)
		postgrestest.Exec(t, owner, statements...)
		rows, n := s.Query("SELECT id FROM things"), 0
		for rows.Next() {
			n++
		}
		err = s.Check(rows.Close())
		if err == nil {
			assert.Equal(t, 1, n, name)
		} else {
			require.ErrorIs(t, err, domain.CodeDBBusy, name)
		}
		torn := map[string]bool{"emptied": true, "rewritten": true, "vacuumed": true, "another in place": true}[name]
		assert.Equal(t, torn, err != nil, "%s: %d rows: %v", name, n, err)
		s.End()
		v.End()
	}
}
