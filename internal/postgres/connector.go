package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
)

// connector opens connections that run nothing but queries in a transaction.
type connector struct{ location Location }

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	config, err := c.location.config()
	if err != nil {
		return nil, err
	}
	conn, err := stdlib.GetConnector(*config).Connect(ctx)
	if err != nil {
		return nil, clean(err)
	}
	session, ok := conn.(*stdlib.Conn)
	if !ok {
		return nil, errors.Join(errors.New("connect: the driver has another kind of connection"), conn.Close())
	}
	return &queryConn{conn: session}, nil
}

// Driver implements driver.Connector.
func (connector) Driver() driver.Driver { return stdlib.GetDefaultDriver() }

// queryConn is a connection of which database/sql sees only how to query.
type queryConn struct{ conn *stdlib.Conn }

var (
	_ driver.QueryerContext  = (*queryConn)(nil)
	_ driver.SessionResetter = (*queryConn)(nil)
	_ driver.Validator       = (*queryConn)(nil)
)

// The states of a connection, as the server tells them after each statement
// (https://www.postgresql.org/docs/current/protocol-message-formats.html, ReadyForQuery).
const (
	stateIdle   = 'I'
	stateFailed = 'E'
)

func (c *queryConn) state() byte { return c.conn.Conn().PgConn().TxStatus() }

// batch runs statements of this package, one after the other, in one round trip.
func (c *queryConn) batch(ctx context.Context, statements ...string) error {
	_, err := c.conn.Conn().PgConn().Exec(ctx, strings.Join(statements, "; ")).ReadAll()
	return clean(err)
}

// QueryContext implements driver.QueryerContext. A statement before it that failed is
// undone, and nothing else of the transaction with it.
func (c *queryConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if !reads(query) || c.state() == stateIdle {
		return nil, engine.ErrReadOnly
	}
	if c.state() == stateFailed {
		if err := c.batch(ctx, "ROLLBACK TO SAVEPOINT orchmetrics"); err != nil {
			return nil, err
		}
	}
	rows, err := c.conn.QueryContext(ctx, query, args)
	if err != nil {
		return nil, clean(err)
	}
	return cleanRows{rows}, nil
}

// explain is what a plan is asked for with, which runs nothing.
const explain = "EXPLAIN (COSTS OFF) "

// reads tells whether a statement is a query by its first word, or asks for its plan. With the extended
// protocol it is one statement; what a query calls the transaction keeps from writing.
func reads(query string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(query, explain))+" ", " ")
	word = strings.ToUpper(strings.Fields(word + " ;")[0])
	return word == "SELECT" || word == "WITH"
}

// ResetSession implements driver.SessionResetter: it finds a connection that was closed
// by the server while it waited.
func (c *queryConn) ResetSession(ctx context.Context) error {
	if c.state() != stateIdle {
		return driver.ErrBadConn
	}
	return c.conn.ResetSession(ctx) //nolint:wrapcheck // database/sql compares it
}

// IsValid implements driver.Validator.
func (c *queryConn) IsValid() bool { return !c.conn.Conn().IsClosed() && c.state() == stateIdle }

// Close implements driver.Conn.
func (c *queryConn) Close() error { return clean(c.conn.Close()) }

// Prepare implements driver.Conn, and refuses: so do all ways to execute.
func (*queryConn) Prepare(string) (driver.Stmt, error) { return nil, engine.ErrReadOnly }

// Begin implements driver.Conn.
func (*queryConn) Begin() (driver.Tx, error) { return nil, engine.ErrReadOnly }

// cleanRows are rows of which the errors are clean.
type cleanRows struct{ driver.Rows }

// Next implements driver.Rows.
func (r cleanRows) Next(dest []driver.Value) error { return clean(r.Rows.Next(dest)) }

// Close implements driver.Rows.
func (r cleanRows) Close() error { return clean(r.Rows.Close()) }

// raw runs fn with the connection beneath one of database/sql.
func (c *connection) raw(fn func(*queryConn) error) error {
	err := c.conn.Raw(func(conn any) error {
		beneath, ok := conn.(*queryConn)
		if !ok {
			return errors.New("not a connection of this package")
		}
		return fn(beneath)
	})
	_, coded := errors.AsType[domain.Code](err)
	if err == nil || coded || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", domain.CodeSourceUnreachable, err)
}
