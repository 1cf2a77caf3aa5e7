package postgrestest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// The server that the tests of one package share, made when the first one asks.
var shared struct {
	sync.Mutex

	server    *Server
	database  *Database // for schemas
	err       error
	databases atomic.Int64
}

// Shared is a server for all tests of a package, none of which may stop it or change
// what others see. The package's TestMain calls Stop.
func Shared(t testing.TB) *Server {
	t.Helper()
	bin := Bin(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = create(bin)
	}
	require.NoError(t, shared.err)
	return shared.server
}

// Stop ends the shared server, if there is one.
func Stop() {
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.remove()
	}
}

// Main runs the tests of a package, and stops the shared server.
func Main(m *testing.M) {
	code := m.Run()
	Stop()
	os.Exit(code)
}

// Database is an empty database of the role orchestrator, which the role metrics may
// read.
type Database struct {
	*Server

	Name string
}

// NewDatabase makes a database on the server. It goes with the test.
func (s *Server) NewDatabase(t testing.TB) Database {
	t.Helper()
	db := Database{Server: s, Name: fmt.Sprintf("orch_%d", shared.databases.Add(1))}
	admin := s.Connect(t, "postgres", "postgres")
	db.Create(t, admin)
	t.Cleanup(func() { // unless the server is gone
		_, _ = admin.Exec(context.Background(), "DROP DATABASE IF EXISTS "+db.Name+" WITH (FORCE)")
	})
	return db
}

// Create makes the database.
func (db Database) Create(t testing.TB, admin *pgx.Conn) {
	t.Helper()
	Exec(t, admin, "CREATE DATABASE "+db.Name+" OWNER orchestrator")
	owner := db.Writer(t)
	Exec(t, owner, "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO metrics")
	require.NoError(t, owner.Close(t.Context()))
}

// Writer connects as the owner.
func (db Database) Writer(t testing.TB) *pgx.Conn {
	t.Helper()
	return db.Connect(t, "orchestrator", db.Name)
}

// Reader is the URL by which the role metrics reads.
func (db Database) Reader() string { return db.URL("metrics", db.Name) }

// Schema is an empty schema of a database that the tests of a package share. It belongs
// to the role orchestrator, and the role metrics may read what is in it.
type Schema struct {
	Database

	Name string
}

// NewSchema makes a schema, which costs far less than a database. It goes with the test.
func NewSchema(t testing.TB) Schema {
	t.Helper()
	server := Shared(t)
	shared.Lock()
	if shared.database == nil {
		db := Database{Server: server, Name: "shared"}
		db.Create(t, server.Connect(t, "postgres", "postgres"))
		shared.database = &db
	}
	shared.Unlock()
	s := Schema{Database: *shared.database, Name: fmt.Sprintf("schema_%d", shared.databases.Add(1))}
	conn := s.Database.Writer(t)
	Exec(t, conn, "CREATE SCHEMA "+s.Name, "GRANT USAGE ON SCHEMA "+s.Name+" TO metrics")
	t.Cleanup(func() { Exec(t, conn, "SET lock_timeout = '5s'", "DROP SCHEMA IF EXISTS "+s.Name+" CASCADE") })
	return s
}

// Writer connects as the owner, with the schema as search_path.
func (s Schema) Writer(t testing.TB) *pgx.Conn {
	t.Helper()
	conn := s.Database.Writer(t)
	Exec(t, conn, "SET search_path = "+s.Name)
	return conn
}

// Reader is the URL by which the role metrics reads the schema.
func (s Schema) Reader() string { return s.Database.Reader() + "&search_path=" + s.Name }
