package sqlite

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/orchmetrics/orchmetrics/internal/engine"
)

// dialect is how SQL is written for SQLite.
type dialect struct{}

var _ engine.Dialect = dialect{}

// Table implements engine.Dialect. An INTEGER PRIMARY KEY is the rowid, which has no
// index (https://www.sqlite.org/lang_createtable.html#rowid).
func (dialect) Table(s *engine.Session, name string) (engine.Table, error) {
	rows := s.Query(`SELECT c.name, c.type, c.pk, (SELECT count(*) FROM pragma_index_list(?) WHERE origin = 'pk'),
		(SELECT type FROM sqlite_schema WHERE name = ? COLLATE NOCASE AND type IN ('table', 'view'))
		FROM pragma_table_xinfo(?) c`, name, name, name)
	var found engine.Table
	keys := 0
	for rows.Next() {
		var column, declared, kind string
		var key, index int64
		rows.Scan(&column, &declared, &key, &index, &kind)
		if found.Columns == nil {
			found.Columns = map[string]bool{}
		}
		column = strings.ToLower(column)
		found.Columns[column] = true
		if key > 0 {
			keys++
			found.Keyed = keys == 1 && column == "id" && strings.EqualFold(declared, "INTEGER") && index == 0
		}
		found.View = kind == "view"
	}
	return found, rows.Close()
}

// Index implements engine.Dialect.
func (dialect) Index(s *engine.Session, table, column string) (name string, err error) {
	rows := s.Query(`SELECT l.name FROM pragma_index_list(?) l, pragma_index_xinfo(l.name) x
		WHERE NOT l.partial AND x.seqno = 0 AND x.name = ? COLLATE NOCASE AND x.coll = 'BINARY'`, table, column)
	for rows.Next() {
		// It is to be part of a statement, where GORM has a meaning of its own for some characters.
		if found, _ := rows.Rest()[0].(string); found != "" && utf8.ValidString(found) && !strings.ContainsAny(found, "@?") {
			name = found
		}
	}
	return name, rows.Close()
}

// Place implements engine.Dialect: the page where a table's tree begins.
func (dialect) Place(table string) string {
	return "(SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = '" + table + "' COLLATE NOCASE)"
}

// From implements engine.Dialect. SQLite is told to use the index, since it may not
// want to by itself: after an ANALYZE while the orchestrator was idle, it takes it for
// certain that nearly all rows have the same status, whatever is asked for, and reads
// them all (https://www.sqlite.org/lang_indexedby.html).
func (dialect) From(table, alias, index string) string {
	if index == "" {
		return table + " " + alias
	}
	return table + " " + alias + ` INDEXED BY "` + strings.ReplaceAll(index, `"`, `""`) + `"`
}

// Range implements engine.Dialect. SQLite thinks that to scan a table is as good if it
// had one or two rows when the last ANALYZE was made. It does not if there is another
// row to find before: any that certainly exists.
func (dialect) Range(table, alias string) (from, where string) {
	return "sqlite_schema one CROSS JOIN " + table + " " + alias,
		"one.rowid = (SELECT min(rowid) FROM sqlite_schema) AND " + alias + ".id BETWEEN ? + 0 * one.rowid AND ?"
}

// Equal implements engine.Dialect. In this join the tables stay in their order
// (https://www.sqlite.org/optoverview.html#crossjoin).
func (d dialect) Equal(table, alias, index string, column engine.Column, value string) string {
	return "CROSS JOIN " + d.From(table, alias, index) + " ON " + d.Exact(column) + " IS " + value
}

// Sum implements engine.Dialect. Rows come in the order of their ids.
func (dialect) Sum(column engine.Column, _ string) string { return "sum(" + column.Name + ")" }

// Exact implements engine.Dialect.
func (dialect) Exact(column engine.Column) string { return column.Name + " COLLATE BINARY" }

// Scans implements engine.Dialect, see https://www.sqlite.org/eqp.html. What is scanned
// in parentheses is no table, but what another step found; nor is a name of the
// statement's own.
func (dialect) Scans(s *engine.Session, statement string) (scans []string, err error) {
	rows := s.Query("EXPLAIN QUERY PLAN " + statement)
	for rows.Next() {
		cells := rows.Rest()
		step, _ := cells[len(cells)-1].(string)
		if strings.HasPrefix(step, "SCAN ") && !strings.HasPrefix(step, "SCAN (") && !strings.HasPrefix(step, "SCAN CONSTANT ROW") {
			scans = append(scans, step)
		}
	}
	return scans, rows.Close()
}

// Cell implements engine.Dialect. As an expression a column has no declared type, by
// which the driver would convert values on its own. How long a cell is can be told without reading it
// (https://www.sqlite.org/lang_corefunc.html#octet_length), and a text of a number is
// short.
func (dialect) Cell(column engine.Column, as engine.Type, guarded bool) string {
	switch {
	case !guarded && as != engine.Instant:
		return "+" + column.Name
	case as == engine.Integer, as == engine.Real:
		return fmt.Sprintf("CASE WHEN octet_length(%[1]s) > 100 THEN x'' ELSE %[1]s END", column.Name)
	case as == engine.Instant:
		// A timestamp is what SQLite's date functions read as one
		// (https://www.sqlite.org/lang_datefunc.html), if there is a date in it: not 'now',
		// nor a time of day. Anything else is a marker.
		return fmt.Sprintf("CASE WHEN %[1]s IS NULL THEN NULL WHEN %[1]s NOT GLOB '[0-9][0-9][0-9][0-9]-*'"+
			" AND %[1]s GLOB '*[^0-9.]*' THEN '' ELSE coalesce(unixepoch(%[1]s), '') END", column.Name)
	default:
		// A text is cut by its bytes: as a text, substr ends it at its first NUL.
		return fmt.Sprintf("CASE WHEN octet_length(%[1]s) > %[2]d THEN CASE typeof(%[1]s) WHEN 'text'"+
			" THEN CAST(substr(CAST(%[1]s AS BLOB), 1, %[2]d) AS TEXT) ELSE x'' END ELSE %[1]s END", column.Name, engine.CutText)
	}
}
