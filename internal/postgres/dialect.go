package postgres

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/orchmetrics/orchmetrics/internal/engine"
)

// dialect is how SQL is written for PostgreSQL. The engine remembers which tables it is
// asked for.
type dialect struct{ engine *Engine }

var _ engine.Dialect = dialect{}

// plainName is a name that needs no quotes.
var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// note remembers a table that was asked for, and whether it can be locked.
func (e *Engine) note(table string, lockable bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.names[table] = lockable && plainName.MatchString(table)
}

// asked are the tables that were asked for, by name.
func (e *Engine) asked() []string {
	return e.namesWhere(func(bool) bool { return true })
}

// lockable are those of them that are there and may be read, by name.
func (e *Engine) lockable() []string {
	return e.namesWhere(func(lockable bool) bool { return lockable })
}

func (e *Engine) namesWhere(is func(lockable bool) bool) (names []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, lockable := range e.names {
		if is(lockable) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// types are the types of columns by a letter of the query below.
var types = map[string]engine.Type{
	"i": engine.Integer, "r": engine.Real, "n": engine.Decimal, "t": engine.Text, "b": engine.Boolean, "d": engine.Instant, "j": engine.JSON,
}

// tableQuery finds a table or view in the search_path. The numbers are the oids of
// types, which never change (https://github.com/postgres/postgres, pg_type.dat).
const tableQuery = `SELECT a.attname::text,
	CASE WHEN b.oid IN (20, 21, 23) THEN 'i' WHEN b.oid IN (700, 701) THEN 'r' WHEN b.oid = 1700 THEN 'n'
		WHEN b.oid IN (25, 1043)
			AND coalesce((SELECT collisdeterministic FROM pg_catalog.pg_collation l WHERE l.oid = a.attcollation), true) THEN 't'
		WHEN b.oid = 16 THEN 'b' WHEN b.oid IN (1082, 1114, 1184) THEN 'd' WHEN b.oid IN (114, 3802) THEN 'j' ELSE '' END,
	CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_index i
		WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum) THEN 1 ELSE 0 END,
	c.relkind::text,
	CASE WHEN pg_catalog.has_table_privilege(c.oid, 'SELECT') THEN 1 ELSE 0 END
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
WHERE c.oid = pg_catalog.to_regclass(?) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`

// Table implements engine.Dialect. Its key is found in order, as a table's primary key
// that is one column is.
func (d dialect) Table(s *engine.Session, name string) (engine.Table, error) {
	rows := s.Query(tableQuery, name)
	var found engine.Table
	lockable := false
	for rows.Next() {
		var column, letter, kind string
		var primary, readable int64
		rows.Scan(&column, &letter, &primary, &kind, &readable)
		if found.Columns == nil {
			found.Columns, found.Types = map[string]bool{}, map[string]engine.Type{}
		}
		found.Columns[column], found.Types[column] = true, engine.Other
		if known, ok := types[letter]; ok {
			found.Types[column] = known
		}
		if column == "id" && primary == 1 && letter == "i" && kind == "r" {
			found.Keyed = true
		}
		found.View = kind == "v" || kind == "m"
		lockable = readable == 1 && kind != "m"
	}
	err := rows.Close()
	if err == nil {
		d.engine.note(name, lockable)
	}
	return found, err
}

// Index implements engine.Dialect. An index serves a comparison in the column's own type
// and collation.
func (dialect) Index(s *engine.Session, table, column string) (name string, err error) {
	rows := s.Query(`SELECT x.relname::text FROM pg_catalog.pg_index i
		JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
		JOIN pg_catalog.pg_am m ON m.oid = x.relam AND m.amname = 'btree'
		JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND NOT a.attisdropped
		WHERE i.indrelid = pg_catalog.to_regclass(?) AND a.attname = ? AND i.indisvalid AND i.indpred IS NULL
			AND i.indcollation[0] = a.attcollation AND a.atttypid IN (25, 1043) ORDER BY x.relname LIMIT 1`, table, column)
	for rows.Next() {
		rows.Scan(&name)
	}
	return name, rows.Close()
}

// Place implements engine.Dialect: the file in which the table lies, which no other table
// and no other content of this one has had. A view has none.
func (dialect) Place(table string) string {
	return "pg_catalog.pg_relation_filepath('" + table + "'::regclass)"
}

// From implements engine.Dialect. PostgreSQL chooses the index by itself.
func (dialect) From(table, alias, _ string) string { return table + " " + alias }

// Range implements engine.Dialect. The bounds may lie beyond the type of the id.
func (dialect) Range(table, alias string) (from, where string) {
	return table + " " + alias, alias + ".id BETWEEN CAST(? AS bigint) AND CAST(? AS bigint)"
}

// Equal implements engine.Dialect. IS NOT DISTINCT FROM would find no row by an index.
func (d dialect) Equal(table, alias, _ string, column engine.Column, value string) string {
	exact := d.Exact(column)
	//nolint:unqueryvet // what uses it names the columns
	return fmt.Sprintf(`CROSS JOIN LATERAL (SELECT * FROM %[1]s %[2]s WHERE %[3]s = %[4]s
		UNION ALL SELECT * FROM %[1]s %[2]s WHERE %[3]s IS NULL AND %[4]s IS NULL) %[2]s`, table, alias, exact, value)
}

// Sum implements engine.Dialect. A sum of floating-point numbers depends on the order of
// the rows, which is that of the table's pages, an index or neither; one of decimal
// numbers is exact in any, and takes half the time without.
func (dialect) Sum(column engine.Column, key string) string {
	switch column.Type {
	case engine.Integer:
		return "sum(" + column.Name + ")::bigint"
	case engine.Decimal:
		return "sum(" + column.Name + ")::float8"
	default:
		return "sum(" + column.Name + " ORDER BY " + key + ")::float8"
	}
}

// Scans implements engine.Dialect, see https://www.postgresql.org/docs/current/using-explain.html.
func (dialect) Scans(s *engine.Session, statement string) (scans []string, err error) {
	rows := s.Query(explain + statement)
	for rows.Next() {
		var step string
		rows.Scan(&step)
		if step = strings.TrimLeft(step, " ->"); strings.HasPrefix(step, "Seq Scan on ") {
			scans = append(scans, step)
		}
	}
	return scans, rows.Close()
}

// Exact implements engine.Dialect. Texts are compared as they are: with a collation that
// is deterministic two are equal only if all bytes are.
func (dialect) Exact(column engine.Column) string {
	if column.Type == engine.Text {
		return column.Name
	}
	return asText(column)
}

// asText is a column as a text.
func asText(column engine.Column) string {
	if column.Type == engine.JSON {
		return "(" + column.Name + " #>> '{}')" // a string without its quotes
	}
	return column.Name + `::text COLLATE "C"`
}

// marker is what stands for a cell of another type than the one that is asked for.
func marker(column engine.Column, value string) string {
	return fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN %s END", column.Name, value)
}

// short is a column as a text that is empty where it is longer than a number or a time.
func short(column engine.Column) string {
	return fmt.Sprintf("CASE WHEN octet_length(%[1]s) > 100 THEN '' ELSE %[1]s END", asText(column))
}

// Cell implements engine.Dialect. As Dynamic it is a text, of which numbers are read, too.
func (dialect) Cell(column engine.Column, as engine.Type, _ bool) string {
	switch as {
	case engine.Text:
		return text(column)
	case engine.Instant:
		return instant(column)
	case engine.Integer, engine.Real:
		return number(column)
	default:
		return fmt.Sprintf("left((%s)::text, %d)", column.Name, engine.CutText)
	}
}

func text(column engine.Column) string {
	switch column.Type {
	case engine.Integer, engine.Real, engine.Decimal, engine.Boolean, engine.Instant:
		return marker(column, "0::bigint")
	default:
		return fmt.Sprintf("left(%s, %d)", asText(column), engine.CutText)
	}
}

func number(column engine.Column) string {
	switch column.Type {
	case engine.Integer, engine.Real, engine.Decimal:
		return column.Name
	case engine.Boolean:
		return column.Name + "::int"
	case engine.Instant:
		return marker(column, "''")
	default:
		return short(column)
	}
}

// instant is seconds since 1970: a time without a zone is one of UTC.
func instant(column engine.Column) string {
	switch column.Type {
	case engine.Instant:
		return fmt.Sprintf(`CASE WHEN isfinite(%[1]s) THEN floor(extract(epoch FROM %[1]s))::bigint
			WHEN %[1]s IS NOT NULL THEN 0 END`, column.Name)
	case engine.Boolean:
		return marker(column, "''")
	case engine.Dynamic: // which may be an instant, whose zone is written as +00
		return fmt.Sprintf(`regexp_replace(%s, '(:\d\d(?:\.\d+)?[+-]\d\d)$', '\1:00')`, short(column))
	default:
		return short(column)
	}
}
