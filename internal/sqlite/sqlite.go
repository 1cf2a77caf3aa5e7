// Package sqlite is the engine over an SQLite file that somebody else writes. It
// knows files, locks, owners, limits, codes and SQL, and no table.
//
// It never writes: a read-only URI, query_only, a connection authorizer and GORM's
// read-only session each refuse on their own (docs/adr/0003-read-only-in-depth.md).
// A connection is opened for a view and closed with it, because a reader that stays
// connected keeps the orchestrator's last close from tidying up its write-ahead log.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/semaphore"
	"gorm.io/gorm"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
)

// Engine is one SQLite database. It is safe for concurrent use and holds nothing
// open between views.
type Engine struct {
	path        string
	busyTimeout time.Duration
	session     *gorm.DB

	beginning *semaphore.Weighted // of 1
	begun     uint64              // connections so far, for who holds it
	trail     trail               // for who holds it
}

var _ engine.Engine = (*Engine)(nil)

// New returns the engine over the database at location, a path or a file: URI. The
// file need not exist yet: each view looks for it anew. An error means that the
// location can never name a database. Waiting for a lock takes a quarter of the time
// that a scrape has at most, since SQLite's busy wait does not end with the context.
func New(location string, scrape time.Duration) (*Engine, error) {
	path, err := pathOf(location)
	if err != nil {
		return nil, err
	}
	session, err := engine.ReadOnly(dialector{})
	if err != nil {
		return nil, err //nolint:wrapcheck // says what it could not do
	}
	return &Engine{path: path, busyTimeout: scrape / 4, session: session, beginning: semaphore.NewWeighted(1)}, nil
}

// Dialect implements engine.Engine.
func (*Engine) Dialect() engine.Dialect { return dialect{} }

// Code implements engine.Engine.
func (*Engine) Code(err error) domain.Code { return driverCode(err) }

// Connect implements engine.Engine. It tries again if the orchestrator has just
// started or stopped: then the files are no longer what they were found to be.
func (e *Engine) Connect(ctx context.Context) (engine.Conn, engine.State, error) {
	found, err := inspect(e.path)
	if err != nil {
		return nil, engine.State{}, err
	}
	conn, err := e.connect(ctx, found)
	if err != nil && driverCode(err) != domain.CodeDBBusy && !found.unchanged() {
		if found, err = inspect(e.path); err != nil {
			return nil, engine.State{}, err
		}
		conn, err = e.connect(ctx, found)
	}
	if err != nil {
		return nil, engine.State{}, err
	}
	return conn, conn.state, nil
}

// connect chooses how to open the database from what lies on disk, and begins
// the transaction that fixes what it sees.
func (e *Engine) connect(ctx context.Context, found files) (*connection, error) {
	switch {
	case found.pending && found.log.damaged:
		// No frame of it counts, to whoever recovers it.
		return e.connectAtRest(ctx, found)
	case found.pending && !found.live:
		return nil, fmt.Errorf("open database: the write-ahead log has no index: %w", domain.CodeDBNotLive)
	case found.live:
		conn, err := e.begin(ctx, found, readOnlySHM)
		if err == nil {
			return conn, nil
		}
		if found.pending || driverCode(err) != domain.CodeDBNotLive {
			return nil, err
		}
		// Left over from a crash before the first commit: nothing is pending.
	}
	return e.connectAtRest(ctx, found)
}

// connectAtRest opens a database that nobody seems to have open. One in WAL
// mode is read as immutable, since any other way would create its sidecars; one
// with a rollback journal is read with the usual locks. SQLite itself tells
// which it is: with nolock it cannot open a WAL database.
func (e *Engine) connectAtRest(ctx context.Context, found files) (*connection, error) {
	probe, err := e.begin(ctx, found, noLock)
	if err == nil {
		probe.Close()
	}
	if !cannotOpen(err) {
		// What else the probe says does not count: without locks it may have met a
		// page that was being written.
		conn, err := e.begin(ctx, found, readOnlySHM)
		if err == nil {
			conn.state.Blocking = true
		}
		return conn, err
	}
	return e.begin(ctx, found, immutable)
}

// begin opens a connection and begins its transaction. One at a time, so that the
// connections' numbers are in the order of what they see.
func (e *Engine) begin(ctx context.Context, found files, param string) (*connection, error) {
	if err := e.beginning.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	defer e.beginning.Release(1)
	if os.Geteuid() == 0 && (found.db.uid != 0 || found.db.gid != 0) {
		revert, err := found.becomeOwner()
		if err != nil {
			return nil, err
		}
		defer revert()
	}
	conn := &connection{
		engine: e, files: found, atRest: param == immutable,
		db: sql.OpenDB(newConnector(found.path, e.busyTimeout, param)),
	}
	if err := conn.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("begin: %w", err), conn.db.Close())
	}
	// The text of all tables and indexes names the edition: a database that is put in the
	// place of this one may have the same version of them. To read it takes the snapshot, and
	// lets a damaged file show at once; however long it is, SQLite has to read it before any
	// other statement.
	var schema string
	err := conn.tx.QueryRowContext(ctx, "SELECT coalesce(group_concat(sql), '') FROM sqlite_schema").Scan(&schema)
	err = errors.Join(err, conn.Guard(false))
	switch opened, statErr := stat(found.path); {
	case err != nil:
		err = fmt.Errorf("read schema: %w", err)
	case statErr != nil:
		err = fileError("identify database", statErr)
	case opened.id != found.db.id:
		err = fmt.Errorf("open database: %w: it was replaced meanwhile", domain.CodeDBBusy)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	e.begun++
	conn.state = engine.State{
		Sequence: e.begun,
		Database: fmt.Sprint(found.db.id),
		Edition:  fmt.Sprint(found.db.id, schema),
		Doubtful: e.trail.breaks(found, conn.atRest),
	}
	return conn, nil
}

// connection is one connection with one read transaction on it.
type connection struct {
	engine *Engine
	files  files
	db     *sql.DB
	conn   *sql.Conn // the only one: another would be opened without our knowing
	tx     *sql.Tx
	state  engine.State
	// atRest is set if the files were read as immutable: whatever was read counts
	// only while they are unchanged.
	atRest bool
}

// begin begins the transaction. It outlives the reading that opens it, so the
// reading's context must not end it; Close does.
func (c *connection) begin(ctx context.Context) (err error) {
	ctx = context.WithoutCancel(ctx)
	if c.conn, err = c.db.Conn(ctx); err != nil {
		return err //nolint:wrapcheck // the caller says what for
	}
	if c.tx, err = c.conn.BeginTx(ctx, nil); err != nil {
		return errors.Join(err, c.conn.Close())
	}
	return nil
}

// Session implements engine.Conn.
func (c *connection) Session(ctx context.Context) *gorm.DB {
	tx := c.engine.session.Session(&gorm.Session{Context: ctx, NewDB: true})
	tx.Statement.ConnPool = c.tx
	return tx
}

// Check implements engine.Conn.
func (c *connection) Check() error {
	if c.atRest && !c.files.unchanged() {
		return fmt.Errorf("read database at rest: %w: it changed meanwhile", domain.CodeDBBusy)
	}
	return nil
}

// Close implements engine.Conn. Nothing was written, so there is nothing that an
// error could lose.
func (c *connection) Close() {
	_ = c.tx.Rollback()
	_ = c.conn.Close()
	_ = c.db.Close()
}

const (
	// maxCell is how many bytes a cell may have to be read as it is.
	maxCell = 4 * engine.MaxText
	// anyCell is more than SQLite itself allows.
	anyCell = 1<<31 - 1

	// limitLength is SQLITE_LIMIT_LENGTH, of which the driver has the name only with
	// cgo (https://www.sqlite.org/c3ref/c_limit_attached.html).
	limitLength = 0
)

// Guard implements engine.Conn: it lets a statement fail that reads a large cell, or
// not.
func (c *connection) Guard(guarded bool) error {
	bytes := maxCell
	if guarded {
		bytes = anyCell
	}
	err := c.conn.Raw(func(conn any) error {
		limited, ok := conn.(interface{ SetLimit(id, value int) int })
		if !ok {
			return errors.New("the driver has no limits")
		}
		limited.SetLimit(limitLength, bytes)
		return nil
	})
	if err != nil {
		return fmt.Errorf("limit cells to %d bytes: %w", bytes, err)
	}
	return nil
}
