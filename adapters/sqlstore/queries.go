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

// schema is what follows from the tables of a database. The same would follow again while
// it is of the same edition.
type schema struct {
	edition string

	mu    sync.Mutex
	known map[string]any // by what it is
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
	if errors.Is(err, domain.CodeTooLarge) {
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
	edition := session.State.Edition
	known := s.schema.Load()
	if known == nil || known.edition != edition || edition == "" {
		known = &schema{edition: edition, known: map[string]any{}}
		s.schema.Store(known)
	}
	return &queries{Session: session, schema: known}
}

// once returns what follows from the tables, such as a statement: it is found out once
// for an edition. Two views may both do so; what they find is the same.
func once[T any](q *queries, what string, find func(*queries) (T, error)) (T, error) {
	if q.Guarded {
		what += ", guarded"
	}
	q.schema.mu.Lock()
	known, ok := q.schema.known[what].(T)
	q.schema.mu.Unlock()
	if ok {
		return known, nil
	}
	found, err := find(q)
	if err != nil {
		return found, err
	}
	q.schema.mu.Lock()
	defer q.schema.mu.Unlock()
	q.schema.known[what] = found
	return found, nil
}

// statement is what a list is read with.
type statement struct {
	query   string
	missing error // what it reads as NULL, since there is no such column
}

// table is a table as it was found; the zero value is one that does not exist.
type table struct {
	engine.Table

	// index is the one by which rows of a stage or a status are found; "" if there is
	// none.
	index string
}

// lookUp looks a table up.
func (q *queries) lookUp(name string) (table, error) {
	return once(q, "table "+name, func(q *queries) (found table, err error) {
		if found.Table, err = q.Dialect.Table(q.Session, name); err != nil {
			return found, fmt.Errorf("look up table %s: %w", name, err)
		}
		if column := indexed[name]; found.Columns[column] {
			if found.index, err = q.Dialect.Index(q.Session, name, column); err != nil {
				return found, fmt.Errorf("look up the index of %s.%s: %w", name, column, err)
			}
		}
		return found, nil
	})
}

// columns are the expressions of one query over one table. A column that the table
// lacks reads as NULL, and is remembered.
type columns struct {
	table

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
		return nil, err
	}
	if found.Columns == nil {
		return nil, fmt.Errorf("table %s is missing: %w", table, domain.CodeSchemaDrift)
	}
	for _, name := range required {
		if !found.Columns[name] {
			return nil, missing(table, name)
		}
	}
	return &columns{table: found, name: table, alias: alias, dialect: q.Dialect, guarded: q.Guarded}, nil
}

func missing(table, column string) error {
	return fmt.Errorf("column %s.%s is missing: %w", table, column, domain.CodeSchemaDrift)
}

// from is the table in a FROM clause, to be read by its index if it has one.
func (c *columns) from() string { return c.dialect.From(c.name, c.alias, c.index) }

// cell is an expression of a column, NULL where the table has none.
func (c *columns) cell(name string, expression func(engine.Column) string) string {
	if c.Columns[name] {
		return expression(engine.Column{Name: c.alias + "." + name, Type: c.Types[name]})
	}
	if !slices.Contains(c.missing, name) {
		c.missing = append(c.missing, name)
	}
	return "NULL"
}

// ref is the column itself.
func (c *columns) ref(name string) string {
	return c.cell(name, func(column engine.Column) string { return column.Name })
}

// cells are columns to be read as a type.
func (c *columns) cells(as engine.Type, names ...string) []string {
	cells := make([]string, len(names))
	for i, name := range names {
		cells[i] = c.cell(name, func(column engine.Column) string { return c.dialect.Cell(column, as, c.guarded) })
	}
	return cells
}

// drift is the error that goes with what was read without the missing columns.
func (c *columns) drift() error {
	if len(c.missing) == 0 {
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
	return err != nil && q.Context.Err() == nil
}

// list reads a list that is cut at the row cap; the query's last parameter is
// its LIMIT.
func list[T any](q *queries, maxRows int, query string, scan func(*engine.Rows) T) (ports.Reading[[]T], error) {
	reading := ports.Reading[[]T]{Value: make([]T, 0, min(maxRows, 64))}
	rows := q.Query(query, maxRows+1)
	for rows.Next() {
		if len(reading.Value) == maxRows {
			reading.Truncated = true
			continue
		}
		reading.Value = append(reading.Value, scan(rows))
		reading.Anomalies += rows.Anomalies()
	}
	if err := rows.Close(); err != nil {
		return ports.Reading[[]T]{}, err //nolint:wrapcheck // says what it could not do
	}
	return reading, nil
}
