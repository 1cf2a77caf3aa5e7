package postgres

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

func TestLocation_Refused(t *testing.T) {
	for _, url := range []string{
		"", "orch.db", "mysql://user:secret@host/db", "postgres://user:secret@host:port/db", "postgres://us er:secret@host/db",
		"postgres://user:secret@host/db?sslmode=maybe", "postgres://user:secret@host/db?sslrootcert=/absent",
		"postgres://user:secret@host/db?options=-c%20x=y", "postgres://host/db?search_path=a;secret",
	} {
		_, err := New(Location{URL: url})
		if assert.Error(t, err, url) {
			assert.NotContains(t, err.Error(), "secret", "an error must not repeat a location")
		}
	}
	t.Setenv("PGOPTIONS", "-c search_path=x")
	_, err := New(Location{URL: "postgres://host/db"})
	require.ErrorContains(t, err, "PGOPTIONS")
}

// TestLocation_Variables: what the URL leaves out is as libpq has it.
func TestLocation_Variables(t *testing.T) {
	for name, value := range map[string]string{
		"PGHOST": "db.example.org", "PGPORT": "6543", "PGUSER": "reader", "PGDATABASE": "orch", "PGSSLMODE": "disable", "PGAPPNAME": "other",
		"PGPASSWORD": "of the environment", "PGOPTIONS": "",
	} {
		t.Setenv(name, value)
	}
	config, err := Location{URL: "postgres://"}.config()
	require.NoError(t, err)
	assert.Equal(t, []any{"db.example.org", uint16(6543), "reader", "orch", "of the environment"},
		[]any{config.Host, config.Port, config.User, config.Database, config.Password})
	assert.Equal(t, map[string]string{"application_name": "orchmetrics"}, config.RuntimeParams, "nothing that PgBouncer refuses")
	assert.Equal(t, pgx.QueryExecModeExec, config.DefaultQueryExecMode)

	t.Setenv("PGPASSWORD", "")
	pass := filepath.Join(t.TempDir(), "pgpass")
	require.NoError(t, os.WriteFile(pass, []byte("db.example.org:6543:orch:reader:of .pgpass\n"), 0o600))
	t.Setenv("PGPASSFILE", pass)
	config, err = Location{URL: "postgresql://?search_path=one,two&statement_timeout=5"}.config()
	require.NoError(t, err)
	assert.Equal(t, "of .pgpass", config.Password)
	assert.Equal(t, map[string]string{"application_name": "orchmetrics"}, config.RuntimeParams)
	assert.Equal(t, "one,two", Location{URL: "postgresql://?search_path=one,two"}.searchPath())

	file := filepath.Join(t.TempDir(), "password")
	l := Location{URL: "postgres://reader@db.example.org/orch", PasswordFile: file}
	_, err = l.config()
	require.ErrorIs(t, err, domain.CodeDBPermission)
	for _, password := range []string{"first", "second, with a space "} {
		require.NoError(t, os.WriteFile(file, []byte(password+"\n"), 0o600))
		config, err = l.config()
		require.NoError(t, err)
		assert.Equal(t, password, config.Password, "it is read anew")
	}
	assert.Equal(t, "PostgreSQL, database orch on db.example.org port 6543", l.Place())
}

// TestErrorsKeepSecrets: what the server and the driver say stays here, whatever fails.
func TestErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	schema := postgrestest.NewSchema(t)
	writer := schema.Writer(t)
	postgrestest.Exec(t, writer, "CREATE TABLE canaries (cell text)", "INSERT INTO canaries VALUES ('canary')",
		"GRANT SELECT ON canaries TO metrics")
	e := newEngine(t, schema.Reader())
	for statement, code := range map[string]domain.Code{
		"SELECT cell::int FROM canaries":                                  domain.CodeInvalidValue,
		"SELECT cell FROM canary":                                         domain.CodeSchemaDrift,
		"SELECT canary FROM canaries":                                     domain.CodeSchemaDrift,
		"SELECT * FROM pg_authid /* canary */":                            domain.CodeDBPermission,
		"SELECT 'canary":                                                  domain.CodeSourceFailed,
		"SELECT 1 / length('') AS canary":                                 domain.CodeInvalidValue,
		"SELECT x / (x - 5000), 'canary' FROM generate_series(1, 9000) x": domain.CodeInvalidValue, // after rows that came
	} {
		v := engine.NewView(t.Context(), e)
		s, err := v.Session(t.Context())
		require.NoError(t, err)
		rows := s.Query(statement)
		for rows.Next() {
			_ = rows.Rest()
		}
		err = rows.Close()
		require.ErrorIs(t, err, code, statement)
		assert.NotContains(t, err.Error(), "canary")
		s.End()
		v.End()
	}
	for _, url := range []string{
		"postgres://canary:canary@127.0.0.1:1/canary?sslmode=disable",
		schema.URL("canary", "canary"), schema.URL("metrics", "canary"),
	} {
		_, _, err := newEngine(t, url).Connect(t.Context())
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "canary")
	}
}

// TestRole tells a role that could write from one that could not.
func TestRole(t *testing.T) {
	t.Parallel()
	schema := postgrestest.NewSchema(t)
	writer := schema.Writer(t)
	postgrestest.Exec(t, writer, "CREATE TABLE things (id bigint)", "GRANT SELECT ON things TO metrics")
	role, err := newEngine(t, schema.Reader()).Role(t.Context())
	require.NoError(t, err)
	assert.True(t, role.ReadOnly(), "%+v", role)
	assert.Equal(t, []any{"metrics", schema.Database.Name, schema.Name}, []any{role.Name, role.Database, role.Schema})

	postgrestest.Exec(t, writer, "GRANT UPDATE ON things TO metrics")
	role, err = newEngine(t, schema.Reader()).Role(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"things"}, role.Writes)
	assert.False(t, role.ReadOnly())
	postgrestest.Exec(t, writer, "REVOKE UPDATE ON things FROM metrics")

	for _, who := range []string{"orchestrator", "postgres"} {
		role, err = newEngine(t, schema.URL(who, schema.Database.Name)+"&search_path="+schema.Name).Role(t.Context())
		require.NoError(t, err)
		assert.False(t, role.ReadOnly(), who)
	}

	// The statements make a role that can read and nothing else.
	admin := schema.Connect(t, "postgres", schema.Database.Name)
	postgrestest.Exec(t, admin, append([]string{"SET search_path = " + schema.Name}, role.Grants("things")...)...)
	role, err = newEngine(t, schema.URL("orchmetrics", schema.Database.Name)+"&search_path="+schema.Name).Role(t.Context())
	require.NoError(t, err)
	assert.True(t, role.ReadOnly(), "%+v", role)
}
