package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/orchmetrics/orchmetrics/domain"
)

// URI parameters. See https://www.sqlite.org/uri.html; readonly_shm and nolock
// are in the source of os_unix.c and pager.c.
const (
	readOnly    = "mode=ro"        // the file is opened without write access
	readOnlySHM = "readonly_shm=1" // the -shm is neither created nor written
	immutable   = "immutable=1"    // no locks and no write-ahead log at all
	noLock      = "nolock=1"       // as immutable, but refuses a WAL database
	queryOnly   = "_query_only=1"  // the driver's name for PRAGMA query_only=1
	// noMutex is the driver's name for SQLITE_OPEN_NOMUTEX: database/sql lets one
	// goroutine at a time use a connection, so that SQLite need not see to it at
	// each call. What interrupts a statement may come from any thread all the same
	// (https://www.sqlite.org/c3ref/interrupt.html).
	noMutex = "_mutex=no"
)

// connector opens connections with one URI, each behind the authorizer.
type connector struct {
	uri string
	drv *sqlite3.SQLiteDriver
}

func newConnector(path string, busyTimeout time.Duration, params ...string) connector {
	params = append(params, readOnly, queryOnly, noMutex, "_busy_timeout="+strconv.FormatInt(busyTimeout.Milliseconds(), 10))
	return connector{
		uri: uri(path, params...),
		drv: &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
			c.RegisterAuthorizer(new(authorizer).authorize)
			return nil
		}},
	}
}

// Connect implements driver.Connector.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.drv.Open(c.uri)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

// Driver implements driver.Connector.
func (c connector) Driver() driver.Driver { return c.drv }

// connection is one connection with one read transaction on it.
type connection struct {
	db   *sql.DB
	conn *sql.Conn // the only one: another would be opened without our knowing
	tx   *sql.Tx
	// number orders connections by what they see: a higher one sees the same state
	// or a newer one.
	number  uint64
	edition edition
	schema  *schema
	// wal is set if the database is in WAL mode.
	wal bool
	// atRest is set if the files were read as immutable: whatever was read counts
	// only while they are unchanged.
	atRest bool
}

// connect chooses how to open the database from what lies on disk, and begins
// the transaction that fixes what it sees.
func (s *Store) connect(ctx context.Context, found files) (*connection, error) {
	if found.pending() && !found.live() {
		return nil, fmt.Errorf("open database: the write-ahead log has no index: %w", domain.CodeDBNotLive)
	}
	if found.live() {
		conn, err := s.begin(ctx, found, readOnlySHM)
		if err == nil {
			conn.wal = true
			return conn, nil
		}
		if found.pending() || !errors.Is(classify(err), domain.CodeDBNotLive) {
			return nil, err
		}
		// Left over from a crash before the first commit: nothing is pending.
	}
	return s.connectAtRest(ctx, found)
}

// connectAtRest opens a database that nobody seems to have open. One in WAL
// mode is read as immutable, since any other way would create its sidecars; one
// with a rollback journal is read with the usual locks. SQLite itself tells
// which it is: with nolock it cannot open a WAL database.
func (s *Store) connectAtRest(ctx context.Context, found files) (*connection, error) {
	probe, err := s.begin(ctx, found, noLock)
	if err == nil {
		probe.close()
	}
	if !cannotOpen(err) {
		// What else the probe says does not count: without locks it may have met a
		// page that was being written.
		return s.begin(ctx, found, readOnlySHM)
	}
	conn, err := s.begin(ctx, found, immutable)
	if err != nil {
		return nil, err
	}
	conn.wal, conn.atRest = true, true
	return conn, nil
}

// begin opens a connection and a transaction, and reads once, so that the
// transaction's snapshot is taken and a damaged file shows at once. One at a
// time, so that the connections' numbers are in the order of their snapshots.
func (s *Store) begin(ctx context.Context, found files, param string) (*connection, error) {
	if err := s.beginning.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	defer s.beginning.Release(1)
	conn := &connection{db: sql.OpenDB(newConnector(found.path, s.busyTimeout, param)), edition: edition{file: found.id}}
	if err := conn.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("begin: %w", err), conn.db.Close())
	}
	s.begun++
	conn.number = s.begun
	if err := conn.tx.QueryRowContext(ctx, "PRAGMA schema_version").Scan(&conn.edition.schema); err != nil {
		conn.close()
		return nil, fmt.Errorf("read schema version: %w", err)
	}
	if err := conn.limit(maxCell); err != nil {
		conn.close()
		return nil, err
	}
	conn.schema = s.schemaOf(conn.edition, changeOf(found.db))
	return conn, nil
}

// begin begins the transaction. It outlives the reading that opens it, so the
// reading's context must not end it; close does.
func (c *connection) begin(ctx context.Context) (err error) {
	ctx = context.WithoutCancel(ctx)
	if c.conn, err = c.db.Conn(ctx); err == nil {
		c.tx, err = c.conn.BeginTx(ctx, nil)
	}
	return err //nolint:wrapcheck // the caller says what for
}

// close ends the transaction and the connection. Nothing was written, so there
// is nothing that an error could lose.
func (c *connection) close() {
	_ = c.tx.Rollback()
	_ = c.conn.Close()
	_ = c.db.Close()
}
