package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics/internal/engine"
)

// Role is who the database is read as, and where: for whoever sets the service up.
type Role struct {
	Name, Database, Schema, Version string
	// Standby is set if the server follows another one.
	Standby bool
	// Superuser is set if no right counts.
	Superuser bool
	// Writes are the tables and views of the schema that the role may write, by name.
	Writes []string
	// Creates is set if it may make tables in the schema.
	Creates bool
	// Ahead is by how much the server's clock is ahead of this host's; below 0 if behind.
	Ahead time.Duration
}

// roleQuery asks what the role may do besides reading.
const roleQuery = `SELECT current_user::text, pg_catalog.current_database()::text, coalesce(pg_catalog.current_schema()::text, ''),
	pg_catalog.current_setting('server_version'), CASE WHEN pg_catalog.pg_is_in_recovery() THEN 1 ELSE 0 END,
	CASE WHEN (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN 1 ELSE 0 END,
	coalesce((SELECT pg_catalog.string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_catalog.pg_class c
		WHERE c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = pg_catalog.current_schema())
			AND c.relkind IN ('r', 'p', 'v', 'f') AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')), ''),
	CASE WHEN pg_catalog.has_schema_privilege(pg_catalog.current_schema(), 'CREATE') THEN 1 ELSE 0 END,
	(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint`

// Role connects as a scrape does, and asks who that is. The error has a code.
func (e *Engine) Role(ctx context.Context) (role Role, err error) {
	v := engine.NewView(ctx, e)
	defer v.End()
	s, err := v.Session(ctx)
	if err != nil {
		return role, err
	}
	defer s.End()
	asked := time.Now()
	rows := s.Query(roleQuery)
	for rows.Next() {
		var standby, superuser, creates, clock int64
		var writes string
		rows.Scan(&role.Name, &role.Database, &role.Schema, &role.Version, &standby, &superuser, &writes, &creates, &clock)
		role.Standby, role.Superuser, role.Writes, role.Creates = standby == 1, superuser == 1, strings.Fields(writes), creates == 1
		// It was read between the question and the answer.
		role.Ahead = time.UnixMilli(clock).Sub(asked.Add(time.Since(asked) / 2))
	}
	return role, rows.Close()
}

// ReadOnly tells whether the role could write nothing even without this package.
func (r Role) ReadOnly() bool { return !r.Superuser && len(r.Writes) == 0 && !r.Creates }

// Grants are the statements that make a role that may read the tables, all of the schema
// if none is named, and nothing else, for the owner of the database.
func (r Role) Grants(tables ...string) []string {
	what := strings.Join(tables, ", ")
	if what == "" {
		what = fmt.Sprintf("ALL TABLES IN SCHEMA %q", r.Schema)
	}
	return []string{
		"CREATE ROLE orchmetrics LOGIN PASSWORD '…'",
		fmt.Sprintf("GRANT CONNECT ON DATABASE %q TO orchmetrics", r.Database),
		fmt.Sprintf("GRANT USAGE ON SCHEMA %q TO orchmetrics", r.Schema),
		fmt.Sprintf("GRANT SELECT ON %s TO orchmetrics", what),
		"ALTER ROLE orchmetrics SET default_transaction_read_only = on",
	}
}
