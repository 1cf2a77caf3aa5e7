package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
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
)

// maxHeap is how many bytes all connections together may take. What needs more, such as
// a sort of very many rows, fails (https://www.sqlite.org/pragma.html#pragma_hard_heap_limit).
const maxHeap = 128 << 20

// connector opens connections with one URI, each behind the authorizer.
type connector struct {
	uri string
	drv *sqlite3.SQLiteDriver
}

func newConnector(path string, busyTimeout time.Duration, params ...string) connector {
	params = append(params, readOnly, queryOnly, noMutex, "_busy_timeout="+strconv.FormatInt(busyTimeout.Milliseconds(), 10))
	return connector{
		// Without a scheme the driver would cut the parameters off, and open the file for
		// writing.
		uri: "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + strings.Join(params, "&"),
		drv: &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
			// What is sorted stays in memory: SQLite would else put it into files, also
			// on a connection that only reads (https://www.sqlite.org/tempfiles.html).
			session, ok := any(c).(driver.ExecerContext) // which the stub without cgo is not
			if !ok {
				return errors.New("keep temporary tables in memory: the driver has none")
			}
			for _, pragma := range []string{"temp_store = MEMORY", "hard_heap_limit = " + strconv.Itoa(maxHeap)} {
				if _, err := session.ExecContext(context.Background(), "PRAGMA "+pragma, nil); err != nil {
					return fmt.Errorf("keep temporary tables in memory: %w", err)
				}
			}
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

// dialector is GORM's SQLite dialect without its query at start, for which the
// database would have to be there already.
type dialector struct{ sqlite.Dialector }

// Initialize implements gorm.Dialector.
func (d dialector) Initialize(db *gorm.DB) error {
	callbacks.RegisterDefaultCallbacks(db, &callbacks.Config{})
	maps.Copy(db.ClauseBuilders, d.ClauseBuilders())
	return nil
}

// pathOf returns the absolute path that a location names.
func pathOf(location string) (string, error) {
	path, err := location, checkPlain(location)
	if strings.HasPrefix(location, "file:") {
		path, err = pathOfURI(location)
	}
	if err != nil {
		return "", err
	}
	switch {
	case path == "":
		return "", errors.New("open database: no database is named")
	case path == ":memory:":
		return "", errors.New("open database: a database in memory cannot be read from another process; name a file")
	case strings.ContainsRune(path, 0):
		return "", errors.New("open database: the database's path contains a NUL byte")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("open database: find the database's absolute path: %w", err)
	}
	return absolute, nil
}

// checkPlain refuses a path that is none but the location of a driver or of another
// database: it may hold a password, and a path is logged.
func checkPlain(location string) error {
	if strings.Contains(location, "://") {
		return errors.New("open database: the database's location is a URL of another kind; write a path, or file: and a path")
	}
	if _, query, found := strings.Cut(location, "?"); found && strings.Contains(query, "=") {
		return errors.New("open database: the database's path has parameters behind it; leave them out, " +
			"or write file: and the path, with %3F for a question mark of its name")
	}
	return nil
}

// pathOfURI returns the path in a file: URI. Of one only the path counts: how the
// file is opened is ours to decide.
func pathOfURI(location string) (string, error) {
	uri, err := url.Parse(location)
	if err != nil {
		// url.Error repeats the location, which may hold a password.
		return "", errors.New("open database: the database's URI is malformed")
	}
	if uri.Host != "" && uri.Host != "localhost" {
		return "", errors.New("open database: the database's URI names another host; write file:/path or file:relative/path")
	}
	path := uri.Path
	if uri.Opaque != "" {
		if path, err = url.PathUnescape(uri.Opaque); err != nil {
			return "", errors.New("open database: the database's URI is malformed")
		}
	}
	if uri.Query().Get("mode") == "memory" {
		path = ":memory:"
	}
	return path, nil
}
