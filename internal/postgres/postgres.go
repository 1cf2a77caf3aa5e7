// Package postgres is the engine over a PostgreSQL database that somebody else writes.
// It knows connections, snapshots, locks, limits, codes and SQL, and no table.
//
// It never writes: each transaction is READ ONLY, which cannot be taken back once it has
// read; a connection runs nothing but SELECT and WITH; GORM's session refuses the rest.
// What a role may do only the role protects: Role tells.
//
// All settings of a connection are made with SET LOCAL, and no statement has a name, so
// that PgBouncer may lend the server's connections by the transaction.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
)

const (
	// maxConns is how many connections there are at most. They wait for the next view no
	// longer than idleTime; the second one is only there if two views were open at once.
	maxConns = 2
	idleTime = 90 * time.Second
	// lifeTime is after how long a connection is made anew, which asks for the password
	// and finds the server by its name again.
	lifeTime = 10 * time.Minute
	// maxLockWait is the longest wait for a table that is locked. It is below the
	// server's deadlock_timeout (1 s by default), so that it is this side that gives up.
	maxLockWait = 500 * time.Millisecond
	// closing is how long the end of a transaction may take.
	closing = time.Second
)

// Engine is one PostgreSQL database. It is safe for concurrent use.
type Engine struct {
	db      *sql.DB
	schema  string // the search_path; "" is the role's
	session *gorm.DB
	slots   *semaphore.Weighted // of maxConns

	beginning *semaphore.Weighted // of 1
	begun     uint64              // transactions so far, for who holds it
	trail     trail               // for who holds it

	mu    sync.Mutex
	names map[string]bool // tables that were asked for; true for those that can be locked
}

var _ engine.Engine = (*Engine)(nil)

// New returns the engine over a database, see Location. The server need not be there
// yet. An error means that the location can never name a database.
func New(l Location) (*Engine, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	session, err := engine.ReadOnly(dialector{postgres.Dialector{Config: &postgres.Config{}}})
	if err != nil {
		return nil, err //nolint:wrapcheck // says what it could not do
	}
	e := &Engine{
		db: sql.OpenDB(connector{l}), schema: l.searchPath(), session: session, names: map[string]bool{},
		slots: semaphore.NewWeighted(maxConns), beginning: semaphore.NewWeighted(1),
	}
	e.db.SetMaxOpenConns(maxConns)
	e.db.SetMaxIdleConns(maxConns)
	if l.Untrusted {
		e.db.SetMaxIdleConns(0)
	}
	e.db.SetConnMaxIdleTime(idleTime)
	e.db.SetConnMaxLifetime(lifeTime)
	return e, nil
}

// Close closes the connections that wait. Views that are open go on.
func (e *Engine) Close() error { return e.db.Close() } //nolint:wrapcheck // nothing to add

// Dialect implements engine.Engine.
func (e *Engine) Dialect() engine.Dialect { return dialect{e} }

// Code implements engine.Engine. Errors have their codes from the connection on, where
// the server's words are left out: they may hold what is in a cell, or a password.
func (*Engine) Code(error) domain.Code { return "" }

// Connect implements engine.Engine.
func (e *Engine) Connect(ctx context.Context) (engine.Conn, engine.State, error) {
	if err := e.slots.Acquire(ctx, 1); err != nil {
		return nil, engine.State{}, fmt.Errorf("wait for a connection: %w: %w", waited(err, domain.CodeDBBusy), err)
	}
	conn, err := e.connect(ctx)
	if err != nil {
		e.slots.Release(1)
		return nil, engine.State{}, err
	}
	return conn, conn.state, nil
}

// waited is the code of an error that ends a wait: whose time was up waited in vain, and
// who was called off says nothing.
func waited(err error, code domain.Code) domain.Code {
	if errors.Is(err, context.Canceled) {
		return domain.CodeTimeout
	}
	return code
}

// connect takes a connection and begins the transaction. Those that have waited may all
// be dead without their end having been told, and each costs another try.
func (e *Engine) connect(ctx context.Context) (*connection, error) {
	for waiting := maxConns; ; waiting-- {
		conn, err := e.db.Conn(ctx)
		if err != nil {
			return nil, unanswered(ctx, "connect", err)
		}
		c := &connection{engine: e, conn: conn}
		if err = c.begin(ctx); err == nil {
			return c, nil
		}
		c.finish()
		if waiting == 0 || ctx.Err() != nil || !errors.Is(err, domain.CodeSourceUnreachable) {
			return nil, unanswered(ctx, "begin", err)
		}
	}
}

// unanswered is the error of a server that did not answer in time: it cannot be reached.
func unanswered(ctx context.Context, action string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w: no answer in time", action, domain.CodeSourceUnreachable)
	}
	return fmt.Errorf("%s: %w", action, err)
}

// dialector is GORM's PostgreSQL dialect without a connection of its own.
type dialector struct{ postgres.Dialector }

// Initialize implements gorm.Dialector.
func (dialector) Initialize(db *gorm.DB) error {
	callbacks.RegisterDefaultCallbacks(db, &callbacks.Config{})
	return nil
}
