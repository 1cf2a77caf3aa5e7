// Package engine is what a store needs of a database that it only ever reads: one
// consistent state for the readings of a scrape, sessions that cannot write, cells
// that never fail, and the little in which SQL differs. It knows no table.
//
// An engine is a package of its own (internal/sqlite); package enginetest has the
// suite that proves one.
package engine

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Engine is one database, which need not be there yet.
type Engine interface {
	// Connect opens a connection and begins a transaction on it, which sees one
	// state of the database until it is closed, and tells which. Nothing it does may harm, block or
	// confuse who writes there. The transaction outlives the context. An error has
	// a code, see Code.
	Connect(ctx context.Context) (Conn, State, error)
	// Code returns the code that an error of this engine shows as; "" for one that
	// is not known.
	Code(err error) domain.Code
	// Dialect is how SQL is written here.
	Dialect() Dialect
}

// Conn is a connection with a read transaction on it. One goroutine at a time uses
// it.
type Conn interface {
	// Session returns GORM's session through which a reading queries. It refuses to
	// write, and ends with the context.
	Session(ctx context.Context) *gorm.DB
	// Guard tells the connection how cells are read from now on: guarded, so that a
	// cell of any size may be met (see Dialect.Cell), or as they are at first, so that a
	// large one fails the statement with domain.CodeTooLarge.
	Guard(guarded bool) error
	// Check tells, after a reading, whether what was read counts.
	Check() error
	// Close ends the transaction and the connection.
	Close()
}

// State is what a transaction sees, to be compared with what another one saw.
type State struct {
	// Sequence orders transactions by what they see: a higher one sees the same
	// state or a newer one.
	Sequence uint64
	// Database names the database. With another name it is another one.
	Database string
	// Edition names the tables and columns that there are: while it is the same, so
	// are they. Empty if that is not known.
	Edition string
	// Doubtful is set if the database may have been replaced or put back to an older
	// state since the transaction before this one.
	Doubtful bool
	// Blocking is set if whoever writes has to wait while the transaction is open.
	Blocking bool
}

// Dialect is how SQL is written for an engine.
type Dialect interface {
	// Table looks a table or view up by its name.
	Table(s *Session, name string) (Table, error)
	// Index returns the name of an index over all rows whose first column is the
	// given one, by which rows are found by equality; "" if there is none.
	Index(s *Session, table, column string) (string, error)
	// Place is an expression whose text is another one if a table is another one of
	// the same name, or was copied.
	Place(table string) string
	// From is a table in a FROM clause under an alias, to be read by an index, or
	// as it comes if that is "".
	From(table, alias, index string) string
	// Range is a table in a FROM clause under an alias, and the condition for rows with
	// an id from one parameter to another, to be found by the key.
	Range(table, alias string) (from, where string)
	// Equal joins a table, under an alias, to the rows before it by a column that equals
	// a value or is NULL as that is, to be found by an index, or as it comes if that is "".
	Equal(table, alias, index string, column Column, value string) string
	// Sum is the sum of a column, nil over no cells: a whole number for whole numbers,
	// an error beyond 64 bits, and the same one for the same rows, whatever order they
	// come in; key is the column of their ids. See Summable for which columns have one.
	Sum(column Column, key string) string
	// Exact is a text column as it is compared byte by byte.
	Exact(column Column) string
	// Cell is a column to be read by Rows as a Text, an Integer, a Real or an Instant; as
	// Dynamic it may be read as any of them but an Instant. Guarded, it lets no large
	// cell through: a text is cut, and anything else no value of its type.
	Cell(column Column, as Type, guarded bool) string
	// Scans returns the steps of a statement's plan that read a whole table or index,
	// for people; an error says that it cannot be run.
	Scans(s *Session, statement string) ([]string, error)
}

// Column is a column in an expression: how it is written there, and its type.
type Column struct {
	Name string
	Type Type
}

// Summable tells whether a column can be summed as numbers, whole ones or others. Of one
// that is Dynamic the sum tells by its type whether all cells were numbers.
func (c Column) Summable(whole bool) bool {
	return c.Type == Dynamic || c.Type == Integer || !whole && (c.Type == Real || c.Type == Decimal)
}

// Type is what the cells of a column are, as far as it matters to how they are read.
type Type int

const (
	// Dynamic is that of a column whose cells may be of any type, whatever was declared.
	Dynamic Type = iota
	// Integer is a whole number of at most 64 bits.
	Integer
	// Real is a floating-point number, whose sum depends on the order of the rows.
	Real
	// Decimal is a number with an exact sum.
	Decimal
	// Text is a text that equals another one if all bytes do.
	Text
	// Boolean is true or false.
	Boolean
	// Instant is a point in time, or a date.
	Instant
	// JSON is a document, of which a text or a number is read as that.
	JSON
	// Other is any other type, which is read as the text that it is written as.
	Other
)

// Table is what is known of a table; the zero value is one that does not exist.
type Table struct {
	// Columns are the names of its columns, in lower case.
	Columns map[string]bool
	// Types are their types; a column that is not named is Dynamic.
	Types map[string]Type
	// Keyed tells whether id is its key and an integer, so that rows are found by it
	// at once, and in its order.
	Keyed bool
	// View is set if it is a view.
	View bool
}

// Slice is how long a transaction of a Blocking database stays open for what can
// wait, and Pause how long it is closed after that.
const (
	Slice = 5 * time.Millisecond
	Pause = 5 * time.Millisecond
)
