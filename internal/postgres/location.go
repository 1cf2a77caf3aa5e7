package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Location is where a database is. What the URL leaves out comes from the variables of
// libpq (PGHOST, PGSSLMODE, PGPASSFILE and so on) and from .pgpass.
type Location struct {
	// URL begins with postgres:// or postgresql://; that alone leaves all to the
	// variables. Of its parameters those of a connection count, and search_path; how
	// a session is set up is decided here.
	URL string
	// PasswordFile holds the password, read anew for each connection; "" for none. It
	// goes before a password from elsewhere.
	PasswordFile string
	// Untrusted is set if queries come from elsewhere: each connection ends with its
	// view, since a query can leave a lock of its own kind on it (pg_advisory_lock).
	Untrusted bool
}

// Is tells whether a location is one of PostgreSQL's.
func Is(location string) bool {
	return strings.HasPrefix(location, "postgres://") || strings.HasPrefix(location, "postgresql://")
}

// check tells what is wrong with a location. It never repeats it: it may hold a password.
func (l Location) check() error {
	if !Is(l.URL) {
		return errors.New("open database: the URL does not begin with postgres://")
	}
	config, err := pgx.ParseConfig(l.URL)
	if err != nil {
		return errors.New("open database: the URL, a PG… variable or a file that they name is malformed or cannot be read; " +
			"write postgres://user@host:5432/database?sslmode=verify-full&sslrootcert=/path")
	}
	if strings.Contains(config.RuntimeParams["search_path"], ";") {
		return errors.New("open database: search_path is malformed; write the name of a schema, or several with commas between")
	}
	if config.RuntimeParams["options"] != "" {
		return errors.New("open database: options (PGOPTIONS) are not passed on, since PgBouncer refuses them; " +
			"write ?search_path=schema for a schema")
	}
	return nil
}

// searchPath is the schema that was asked for; "" is the role's.
func (l Location) searchPath() string {
	config, err := pgx.ParseConfig(l.URL)
	if err != nil {
		return ""
	}
	return config.RuntimeParams["search_path"]
}

// config is read anew for each connection, so that another password or certificate
// needs no restart.
func (l Location) config() (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(l.URL)
	if err != nil {
		return nil, fmt.Errorf("read settings of the connection: %w", domain.CodeSourceUnreachable)
	}
	if l.PasswordFile != "" {
		text, err := os.ReadFile(l.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("read ORCH_DB_PASSWORD_FILE: %w", domain.CodeDBPermission)
		}
		config.Password = string(bytes.TrimRight(text, "\r\n"))
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // no statement has a name
	config.StatementCacheCapacity, config.DescriptionCacheCapacity = 0, 0
	config.RuntimeParams = map[string]string{"application_name": "orchmetrics"}
	return config, nil
}

// Place is where the connection leads, for people: without user and password.
func (l Location) Place() string {
	config, err := pgx.ParseConfig(l.URL)
	if err != nil {
		return "PostgreSQL"
	}
	return fmt.Sprintf("PostgreSQL, database %s on %s port %d", config.Database, config.Host, config.Port)
}
