package sqlstore

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/ports"
)

// statements are what a store reads with, as the tables of its database are.
type statements struct {
	edition string
	dialect engine.Dialect
	guarded bool
	tables  map[string]table // those of Expected

	tasks, running, tickets statement
	active                  activeRows
	sums                    map[string]*layout // by table
}

// statement is what a list is read with.
type statement struct {
	query   string // "" if it cannot be read
	missing error  // why, or what it reads as NULL since there is no such column
}

// table is a table as it was found; the zero value is one that does not exist.
type table struct {
	engine.Table

	// index is the one by which rows of a stage or a status are found; "" if there is
	// none.
	index string
	err   error // why nothing is known of it
}

// statements returns the statements for a session. They are made once for an edition of
// the tables, and anew where something went wrong. Two views may both make them; what they
// make is the same.
func (s *Store) statements(session *engine.Session) *statements {
	last := &s.plain
	if session.Guarded {
		last = &s.guarded
	}
	edition := session.State.Edition
	if known := last.Load(); known != nil && known.edition == edition && edition != "" {
		return known
	}
	made := &statements{edition: edition, dialect: session.Dialect(), guarded: session.Guarded, tables: map[string]table{}}
	for _, expected := range Expected() {
		found := lookUp(session, expected.Name)
		if found.err != nil {
			made.edition = ""
		}
		made.tables[expected.Name] = found
	}
	made.tasks, made.running, made.tickets = made.selectTasks(), made.selectRunningJobs(), made.selectTickets()
	made.active = made.selectActive()
	made.sums = map[string]*layout{s.jobs.name: layoutOf(made, s.jobs.summed), s.runs.name: layoutOf(made, s.runs.summed)}
	last.Store(made)
	return made
}

func lookUp(session *engine.Session, name string) (found table) {
	found.Table, found.err = session.Dialect().Table(session, name)
	if column := indexed[name]; found.Columns[column] && found.err == nil {
		found.index, found.err = session.Dialect().Index(session, name, column)
	}
	if found.err != nil {
		found.err = fmt.Errorf("look up table %s: %w", name, found.err)
	}
	return found
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

// columns are those of a table (a view will do) under an alias. It fails if the table or
// one of the required columns is missing.
func (s *statements) columns(name, alias string, required ...string) (*columns, error) {
	c := &columns{table: s.tables[name], name: name, alias: alias, dialect: s.dialect, guarded: s.guarded}
	switch {
	case c.err != nil:
		return c, c.err
	case c.Columns == nil:
		return c, fmt.Errorf("table %s is missing: %w", name, domain.CodeSchemaDrift)
	}
	for _, column := range required {
		if !c.Columns[column] {
			return c, missing(name, column)
		}
	}
	return c, nil
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

// cells are columns to be read as a type, separated by commas.
func (c *columns) cells(as engine.Type, names ...string) string {
	cells := make([]string, len(names))
	for i, name := range names {
		cells[i] = c.cell(name, func(column engine.Column) string { return c.dialect.Cell(column, as, c.guarded) })
	}
	return strings.Join(cells, ", ")
}

// drift is the error that goes with what was read without the missing columns.
func (c *columns) drift() error {
	if len(c.missing) == 0 {
		return nil
	}
	return fmt.Errorf("table %s has no column %s: %w", c.name, strings.Join(c.missing, ", "), domain.CodeSchemaDrift)
}

// list reads a list that is cut at the row cap.
func list[T any](q *queries, maxRows int, s statement, order string, scan func(*engine.Rows) T) (ports.Reading[[]T], error) {
	if s.query == "" {
		return ports.Reading[[]T]{}, s.missing
	}
	reading := ports.Reading[[]T]{Value: make([]T, 0, min(maxRows, 64))}
	rows := q.Query(s.query+order+" LIMIT ?", maxRows+1)
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
	return reading, s.missing
}
