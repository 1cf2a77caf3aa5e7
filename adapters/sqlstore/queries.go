package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/ports"
)

// queries is what one reading queries with: its session, and what is known of the
// tables.
type queries struct {
	*engine.Session

	schema *schema
}

// schema is what was found out of the tables and indexes of a database. The same
// statements would find the same again while it is of the same edition.
type schema struct {
	edition string

	mu      sync.Mutex
	tables  map[string]engine.Table
	indexes map[[2]string]string // by table and column
}

// read runs one reading in the scrape's view, or in one of its own.
func read[T any](ctx context.Context, s *Store, fn func(*queries) (T, error)) (value T, err error) {
	var none T
	v, done := s.viewOf(ctx)
	defer done()
	session, err := v.Session(ctx)
	if err != nil {
		return none, err //nolint:wrapcheck // says what it could not do
	}
	defer session.End()
	q := s.queries(session)
	value, err = fn(q)
	if errors.Is(err, engine.ErrCellTooLarge) {
		if err = q.Guard(true); err == nil {
			value, err = fn(q)
		}
	}
	if err = session.Check(err); errors.Is(err, domain.CodeDBBusy) {
		return none, err // what was read may be torn
	}
	return value, err //nolint:wrapcheck // says what it could not do
}

// queries returns what a session queries with.
func (s *Store) queries(session *engine.Session) *queries {
	edition := session.State().Edition
	known := s.schema.Load()
	if known == nil || known.edition != edition || edition == "" {
		known = &schema{edition: edition, tables: map[string]engine.Table{}, indexes: map[[2]string]string{}}
		s.schema.Store(known)
	}
	return &queries{Session: session, schema: known}
}

// lookUp looks a table up, once for an edition.
func (q *queries) lookUp(table string) (engine.Table, error) {
	return once(q.schema, q.schema.tables, table, func() (engine.Table, error) { return q.Dialect().Table(q.Session, table) })
}

// index looks an index up, once for an edition.
func (q *queries) index(table, column string) (string, error) {
	return once(q.schema, q.schema.indexes, [2]string{table, column}, func() (string, error) {
		return q.Dialect().Index(q.Session, table, column)
	})
}

// once returns what is known under a key, or finds it out. Two views may both do so;
// what they find is the same.
func once[K comparable, V any](s *schema, known map[K]V, key K, find func() (V, error)) (V, error) {
	s.mu.Lock()
	found, ok := known[key]
	s.mu.Unlock()
	if ok {
		return found, nil
	}
	found, err := find()
	if err != nil {
		return found, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known[key] = found
	return found, nil
}

// columns are the expressions of one query over one table. A column that the table
// lacks reads as NULL, and is remembered.
type columns struct {
	engine.Table

	name, alias string
	dialect     engine.Dialect
	guarded     bool
	missing     []string
}

// columns looks the table up (a view will do), and fails if it or one of the
// required columns is missing. alias is the table's name in the query.
func (q *queries) columns(table, alias string, required ...string) (*columns, error) {
	found, err := q.lookUp(table)
	if err != nil {
		return nil, fmt.Errorf("look up table %s: %w", table, err)
	}
	if found.Columns == nil {
		return nil, fmt.Errorf("table %s is missing: %w", table, domain.CodeSchemaDrift)
	}
	for _, name := range required {
		if !found.Columns[name] {
			return nil, missing(table, name)
		}
	}
	return &columns{Table: found, name: table, alias: alias, dialect: q.Dialect(), guarded: q.Guarded()}, nil
}

func missing(table, column string) error {
	return fmt.Errorf("column %s.%s is missing: %w", table, column, domain.CodeSchemaDrift)
}

// by is the table in a FROM clause, and one of its columns by which an index finds
// rows if there is one.
func (q *queries) by(c *columns, column string) (from, by string, err error) {
	index, err := q.index(c.name, column)
	return c.dialect.From(c.name, c.alias, index), c.exact(column), err
}

// ref is the column itself, or NULL where the table has none.
func (c *columns) ref(name string) string {
	if c.Columns[name] {
		return c.alias + "." + name
	}
	if !slices.Contains(c.missing, name) {
		c.missing = append(c.missing, name)
	}
	return "NULL"
}

func (c *columns) text(name string) string    { return c.cell(name, c.dialect.Text) }
func (c *columns) integer(name string) string { return c.cell(name, c.dialect.Integer) }
func (c *columns) real(name string) string    { return c.cell(name, c.dialect.Real) }
func (c *columns) time(name string) string    { return c.cell(name, c.dialect.Time) }

func (c *columns) cell(name string, expression func(column engine.Column, guarded bool) string) string {
	if ref := c.ref(name); ref == "NULL" {
		return ref
	}
	return expression(c.typed(name), c.guarded)
}

// exact is a text column as it is compared.
func (c *columns) exact(name string) string {
	return c.cell(name, func(column engine.Column, _ bool) string { return c.dialect.Exact(column) })
}

// key is a text column by which rows are grouped: as it is compared, and cut where it is
// long and its type says that it is a text.
func (c *columns) key(name string) string {
	if c.Types[name] == engine.Dynamic {
		return c.exact(name)
	}
	return c.text(name)
}

// sum and highest are over a column of numbers, which may be one that is missing.
func (c *columns) sum(name string) string {
	return c.cell(name, func(column engine.Column, _ bool) string { return c.dialect.Sum(column, c.alias+".id") })
}

func (c *columns) highest(name string) string {
	return c.cell(name, func(column engine.Column, _ bool) string { return c.dialect.Max(column) })
}

// summable tells whether a column that is there can be summed as numbers.
func (c *columns) summable(name string, whole bool) bool {
	return !c.Columns[name] || c.typed(name).Summable(whole)
}

// typed is a column in an expression.
func (c *columns) typed(name string) engine.Column {
	return engine.Column{Name: c.alias + "." + name, Type: c.Types[name]}
}

// drift is the error that goes with what was read without the missing columns.
func (c *columns) drift() error {
	if c == nil || len(c.missing) == 0 {
		return nil
	}
	return fmt.Errorf("table %s has no column %s: %w", c.name, strings.Join(c.missing, ", "), domain.CodeSchemaDrift)
}

// unlessDrift is the error unless it only says that something is missing.
func unlessDrift(err error) error {
	if errors.Is(err, domain.CodeSchemaDrift) {
		return nil
	}
	return err
}

// unreadable tells whether an error is of what was read, so that less of it could be.
func (q *queries) unreadable(err error) bool {
	return err != nil && !errors.Is(err, engine.ErrCellTooLarge) && q.Context().Err() == nil
}

// list reads a list that is cut at the row cap; the query's last parameter is
// its LIMIT.
func list[T any](q *queries, maxRows int, query string, read func(*engine.Rows) T) (ports.Reading[[]T], error) {
	reading := ports.Reading[[]T]{Value: make([]T, 0, min(maxRows, 64))}
	rows := q.Query(query, maxRows+1)
	for rows.Next() {
		if len(reading.Value) == maxRows {
			reading.Truncated = true
			continue
		}
		reading.Value = append(reading.Value, read(rows))
		reading.Anomalies += rows.Anomalies()
	}
	if err := rows.Close(); err != nil {
		return ports.Reading[[]T]{}, err //nolint:wrapcheck // says what it could not do
	}
	return reading, nil
}
