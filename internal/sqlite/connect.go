package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
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
	// keepStatements is the driver's name for how many statements a connection keeps
	// compiled: a table's sums are the same statement over one block after the other.
	keepStatements = "_stmt_cache_size=4"
)

// maxHeap is how many bytes all connections together may take. What needs more, such as
// a sort of very many rows, fails (https://www.sqlite.org/pragma.html#pragma_hard_heap_limit).
const maxHeap = 128 << 20

// pageCache is how many bytes of the database's pages a connection keeps, a quarter of
// what SQLite would: the kernel has them too, and counting history reads each page once
// (https://www.sqlite.org/pragma.html#pragma_cache_size).
const pageCache = 512 << 10

// connector opens connections with one URI, each behind the authorizer.
type connector struct {
	uri string
	drv *sqlite3.SQLiteDriver
}

func newConnector(path string, busyTimeout time.Duration, params ...string) connector {
	params = append(params, readOnly, queryOnly, noMutex, keepStatements, "_busy_timeout="+strconv.FormatInt(busyTimeout.Milliseconds(), 10))
	return connector{
		// Without a scheme the driver would cut the parameters off, and open the file for
		// writing.
		uri: "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + strings.Join(params, "&"),
		drv: &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
			session, ok := any(c).(driver.ExecerContext) // which the stub without cgo is not
			if !ok {
				return errors.New("keep temporary tables in memory: the driver has none")
			}
			// What is sorted stays in memory: SQLite would else put it into files, also
			// on a connection that only reads (https://www.sqlite.org/tempfiles.html).
			settings := "PRAGMA temp_store = MEMORY; PRAGMA hard_heap_limit = " + strconv.Itoa(maxHeap) +
				"; PRAGMA cache_size = -" + strconv.Itoa(pageCache>>10)
			if _, err := session.ExecContext(context.Background(), settings, nil); err != nil {
				return fmt.Errorf("limit memory, and keep temporary tables there: %w", err)
			}
			c.RegisterAuthorizer(authorize)
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

// dialector is GORM's SQLite dialect without its query at start, for which the
// database would have to be there already.
type dialector struct{ sqlite.Dialector }

// Initialize implements gorm.Dialector.
func (d dialector) Initialize(db *gorm.DB) error {
	callbacks.RegisterDefaultCallbacks(db, &callbacks.Config{})
	maps.Copy(db.ClauseBuilders, d.ClauseBuilders())
	return nil
}

// Action and result codes of the authorizer, from SQLite's C interface
// (https://www.sqlite.org/c3ref/c_alter_table.html). The driver exports only
// some of them.
const (
	authOK   = 0
	authDeny = 1

	actionPragma      = 19
	actionRead        = 20
	actionSelect      = 21
	actionTransaction = 22
	actionFunction    = 31
	actionRecursive   = 33
)

// authorize lets reading statements through, and of the pragmas those that this package
// uses, and nothing else. SQLite asks it while it compiles a statement, once for each
// thing that the statement would do, so that a write is refused before it can begin.
func authorize(action int, arg1, arg2, _ string) int {
	switch {
	case action == actionSelect, action == actionRead, action == actionTransaction, action == actionRecursive:
		return authOK
	case action == actionFunction && strings.Contains(harmless, " "+strings.ToLower(arg2)+" "):
		return authOK
	case action == actionPragma && (arg1 == "table_xinfo" || arg1 == "index_list" || arg1 == "index_xinfo"):
		return authOK
	default:
		return authDeny
	}
}

// harmless are the functions that a statement may call, itself or through a view: those
// that compute something of what they are given. Not among them are those that load code
// or hand out addresses (load_extension, fts3_tokenizer); how much memory one takes is
// limited besides, see maxHeap. See https://www.sqlite.org/lang_corefunc.html, and lang_aggfunc.html,
// windowfunctions.html, lang_datefunc.html, lang_mathfunc.html and json1.html there.
const harmless = " " +
	"abs char coalesce concat concat_ws format glob hex if ifnull iif instr length like likely likelihood " +
	"lower ltrim max min nullif octet_length printf quote replace round rtrim sign substr substring trim " +
	"typeof unhex unicode unistr unlikely upper " +
	"avg count group_concat string_agg sum total median percentile percentile_cont percentile_disc " +
	"row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value " +
	"date time datetime julianday unixepoch strftime timediff current_date current_time current_timestamp " +
	"acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi " +
	"pow power radians sin sinh sqrt tan tanh trunc " +
	"-> ->> json json_array json_array_length json_error_position json_extract json_object json_patch " +
	"json_pretty json_quote json_remove json_replace json_insert json_set json_type json_valid " +
	"json_group_array json_group_object json_each json_tree jsonb jsonb_array jsonb_extract jsonb_object " +
	"jsonb_each jsonb_tree " +
	"match regexp snippet offsets bm25 highlight " +
	"random randomblob zeroblob sqlite_version changes total_changes last_insert_rowid "
