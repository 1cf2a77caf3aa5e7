package postgres

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
)

// connection is one connection with one read transaction on it.
type connection struct {
	engine *Engine
	conn   *sql.Conn
	state  engine.State
	// ctx is that of the reading whose turn it is, and limit the statement_timeout.
	ctx   context.Context //nolint:containedctx // each reading brings its own
	limit time.Duration
	// unlocked is set if tables may be rewritten or emptied while the transaction lasts:
	// to a snapshot from before that they look empty
	// (https://www.postgresql.org/docs/current/mvcc-caveats.html).
	unlocked bool
}

// begin begins the transaction. The first query fixes what it sees.
func (c *connection) begin(ctx context.Context) error {
	e := c.engine
	if err := e.beginning.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("%w: %w", waited(err, domain.CodeSourceUnreachable), err)
	}
	defer e.beginning.Release(1)
	return c.raw(func(conn *queryConn) error {
		c.limit = limitOf(ctx)
		if err := c.start(ctx, conn); err != nil {
			return err
		}
		if err := c.look(ctx, conn); err != nil {
			return err
		}
		e.begun++
		c.state.Sequence = e.begun
		return nil
	})
}

// start begins the transaction with all tables that are known, so that none is
// rewritten before it is read. Where one is locked, that must cost its readers alone.
func (c *connection) start(ctx context.Context, conn *queryConn) error {
	settings := c.settings()
	tables := c.engine.lockable()
	if len(tables) > 0 {
		lock := "LOCK TABLE " + strings.Join(tables, ", ") + " IN ACCESS SHARE MODE NOWAIT"
		err := conn.batch(ctx, append(settings, lock, "SAVEPOINT orchmetrics")...)
		if err == nil || conn.state() == stateIdle || errors.Is(err, context.Canceled) || ctx.Err() != nil {
			return err
		}
		if err := conn.batch(ctx, "ROLLBACK"); err != nil {
			return err
		}
	}
	c.unlocked = true
	return conn.batch(ctx, append(settings, "SAVEPOINT orchmetrics")...)
}

// settings are the statements that begin a transaction and set it up.
func (c *connection) settings() []string {
	settings := append([]string{
		"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", //nolint:dupword // two settings
		// If this process is frozen, the snapshot must not hold vacuum back for long.
		"SET LOCAL idle_in_transaction_session_timeout = " + milliseconds(2*c.limit+time.Second),
		// What is read is text in these forms, whatever the role prefers.
		"SET LOCAL client_encoding = 'UTF8'", "SET LOCAL TimeZone = 'UTC'", "SET LOCAL DateStyle = 'ISO, YMD'",
		"SET LOCAL extra_float_digits = 1", "SET LOCAL bytea_output = 'hex'",
		// To compile a statement, or to run it on many cores, costs the server more than
		// these save.
		"SET LOCAL jit = off", "SET LOCAL max_parallel_workers_per_gather = 0",
	}, c.timeouts()...)
	if c.engine.schema != "" {
		settings = append(settings, "SET LOCAL search_path = "+c.engine.schema)
	}
	return settings
}

// timeouts are the statements that set how long a statement, and a wait for a lock, may
// take. The server gives up before the context does: then the connection lives on, and
// with it the state that the other readings are to see.
func (c *connection) timeouts() []string {
	return []string{
		"SET LOCAL statement_timeout = " + milliseconds(c.limit),
		"SET LOCAL lock_timeout = " + milliseconds(min(c.limit/3, maxLockWait)),
	}
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(max(1, d.Milliseconds()), 10) }

// limitOf is how long a statement of a reading may take.
func limitOf(ctx context.Context) time.Duration {
	const most, atMost = 0.8, time.Minute
	deadline, ok := ctx.Deadline()
	if !ok {
		return atMost
	}
	return min(atMost, time.Duration(most*float64(time.Until(deadline))))
}

// look finds out what the transaction sees.
func (c *connection) look(ctx context.Context, conn *queryConn) error {
	e := c.engine
	var now trail
	var edition string
	var recovery bool
	row := conn.conn.Conn().QueryRow(ctx, stateQuery, strings.Join(e.asked(), " "))
	if err := row.Scan(&c.state.Database, &now.server, &recovery, &now.horizon, &edition); err != nil {
		return clean(err)
	}
	now.seen, now.server = true, fmt.Sprint(now.server, recovery)
	c.state.Doubtful = e.trail.breaks(now)
	e.trail = now
	if edition != "" { // else no table was asked for yet
		hash := fnv.New128a()
		_, _ = hash.Write([]byte(edition)) // never fails
		c.state.Edition = c.state.Database + " " + hex.EncodeToString(hash.Sum(nil))
	}
	return nil
}

// stateQuery is what State needs: the cluster and the database in it; when the server
// began, on which timeline; the transaction that comes next; and all that is known of
// the tables that were asked for, with columns and indexes of all of them at once, since
// to plan it is most of what it costs. (to_regclass finds a table in the search_path. A
// view has no filenode: before PostgreSQL 16 a table could become one.)
const stateQuery = `SELECT
	(SELECT system_identifier FROM pg_catalog.pg_control_system())::text || '/' ||
		(SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())::text,
	pg_catalog.pg_postmaster_start_time()::text || ' ' || (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint())::text,
	pg_catalog.pg_is_in_recovery(),
	pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint,
	(SELECT pg_catalog.concat_ws(';', t.oids, t.views,
			(SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attrelid, a.attnum, a.attname, a.atttypid, a.attcollation), ','
					ORDER BY a.attrelid, a.attnum)
				FROM pg_catalog.pg_attribute a WHERE a.attrelid = ANY(t.oids) AND a.attnum > 0 AND NOT a.attisdropped),
			(SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', i.indexrelid, i.indisvalid), ',' ORDER BY i.indexrelid)
				FROM pg_catalog.pg_index i WHERE i.indrelid = ANY(t.oids)))
		FROM (SELECT pg_catalog.array_agg(pg_catalog.to_regclass(name)::oid) AS oids,
				pg_catalog.array_agg(pg_catalog.pg_relation_filenode(pg_catalog.to_regclass(name)) IS NULL) AS views
			FROM pg_catalog.unnest(pg_catalog.string_to_array($1, ' ')) name) t)`

// trail is what the last transaction saw that tells whether the database of the next one
// has gone on from there, or was put back to an older state.
type trail struct {
	seen    bool
	server  string // when it was started, its timeline, and whether it is a standby
	horizon int64  // the transaction that comes next
}

// breaks tells whether the trail breaks. A server that was started again may have lost
// what was not yet on disk; a standby may be behind the server that was read before.
func (t trail) breaks(now trail) bool {
	return t.seen && (t.server != now.server || now.horizon < t.horizon)
}

// Session implements engine.Conn.
func (c *connection) Session(ctx context.Context) *gorm.DB {
	tx := c.engine.session.Session(&gorm.Session{Context: ctx, NewDB: true})
	tx.Statement.ConnPool = c.conn
	c.ctx = ctx
	if limit := limitOf(ctx); limit < c.limit*17/20 || limit > c.limit*5/4 {
		c.limit = limit
		err := c.raw(func(conn *queryConn) error {
			statements := c.timeouts()
			if conn.state() == stateFailed {
				statements = append([]string{"ROLLBACK TO SAVEPOINT orchmetrics"}, statements...)
			}
			return conn.batch(ctx, statements...)
		})
		_ = tx.AddError(err)
	}
	return tx
}

// Guard implements engine.Conn. Cells are always guarded.
func (*connection) Guard(bool) error { return nil }

// Check implements engine.Conn: what was read of a table that was rewritten or emptied
// after the transaction began does not count.
func (c *connection) Check() error {
	if !c.unlocked || c.ctx.Err() != nil {
		return nil //nolint:nilerr // who waited for it is told of the end by others
	}
	var rewritten int
	row := c.conn.QueryRowContext(c.ctx, rewrittenQuery)
	if err := row.Scan(&rewritten); err != nil {
		return fmt.Errorf("look for rewritten tables: %w", err)
	}
	if rewritten > 0 {
		return fmt.Errorf("read tables: %w: one was rewritten or emptied meanwhile", domain.CodeDBBusy)
	}
	return nil
}

// rewrittenQuery looks at all that the transaction has read, which is what it has locked:
// a table that the snapshot does not know was made since, and one whose file is another
// than the snapshot has was rewritten since. (The catalog's own, and views, have 0.)
const rewrittenQuery = `SELECT count(*) FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation
	WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation'
		AND (c.oid IS NULL OR c.relkind IN ('r', 'm') AND c.relfilenode <> 0 AND c.relfilenode <> pg_catalog.pg_relation_filenode(c.oid))`

// Close implements engine.Conn. It does not wait for the server.
func (c *connection) Close() {
	go func() {
		c.finish()
		c.engine.slots.Release(1)
	}()
}

// finish ends the transaction and gives the connection back, or closes it where the
// server does not answer.
func (c *connection) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	_ = c.raw(func(conn *queryConn) error {
		if conn.state() == stateIdle {
			return nil
		}
		return conn.batch(ctx, "ROLLBACK")
	})
	_ = c.conn.Close() // database/sql keeps none that is not valid
}
