package sqlstore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/orchmetrics/orchmetrics/domain"
)

// schema is what was found out of the tables of a database. The same statements
// would find the same again while it is of the same edition.
type schema struct {
	edition edition
	// changed is when the file last changed. Under the write-ahead log that is at a
	// checkpoint, so that it costs little to distrust an edition that another file
	// may have been copied into.
	changed changeTime

	mu      sync.Mutex
	tables  map[string]tableColumns
	indexes map[tableColumn]string
}

type tableColumn struct{ table, column string }

// schemaOf returns what is known of an edition, which is kept until there is
// another one.
func (s *Store) schemaOf(e edition, changed changeTime) *schema {
	known := s.schema.Load()
	if known == nil || known.edition != e || known.changed != changed {
		known = &schema{edition: e, changed: changed, tables: map[string]tableColumns{}, indexes: map[tableColumn]string{}}
		s.schema.Store(known)
	}
	return known
}

// lookUpOnce returns what is known under a key, or finds it out. Two views may both
// do so; what they find is the same.
func lookUpOnce[K comparable, V any](s *schema, known map[K]V, key K, find func() (V, error)) (V, error) {
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

// tableColumns is what is known of a table.
type tableColumns struct {
	names map[string]bool // of its columns, in lower case
	// keyed tells whether id alone is its INTEGER PRIMARY KEY, and so its rowid: such
	// a key has no index (https://www.sqlite.org/lang_createtable.html#rowid).
	keyed bool
}

// columns builds the expressions of one query over one table. A column that the
// table lacks reads as NULL, and is remembered.
type columns struct {
	table   string
	prefix  string
	found   tableColumns
	careful bool
	missing []string
}

// columns looks the table up (a view will do), and fails if it or one of the
// required columns is missing. alias is the table's name in the query.
func (s *session) columns(table, alias string, required ...string) (*columns, error) {
	found, err := s.table(table)
	if err != nil {
		return nil, fmt.Errorf("look up table %s: %w", table, err)
	}
	if len(found.names) == 0 {
		return nil, fmt.Errorf("table %s is missing: %w", table, domain.CodeSchemaDrift)
	}
	for _, name := range required {
		if !found.names[name] {
			return nil, fmt.Errorf("column %s.%s is missing: %w", table, name, domain.CodeSchemaDrift)
		}
	}
	return &columns{table: table, prefix: alias + ".", found: found, careful: s.view.careful}, nil
}

// keyed tells whether a table is one whose id is its INTEGER PRIMARY KEY, so that
// rows are found by it at once. A view is not.
func (s *session) keyed(table string) bool {
	columns, err := s.columns(table, "", "id")
	return err == nil && columns.found.keyed
}

// index returns the name of a whole index that begins with the column, or "".
func (s *session) index(table, column string) (name string, err error) {
	known := s.view.conn.schema
	return lookUpOnce(known, known.indexes, tableColumn{table, column}, func() (name string, err error) {
		err = s.query(func(row *cells) { name = cmp.Or(usable(row.take()), name) }, `SELECT l.name
			FROM pragma_index_list(?) l, pragma_index_xinfo(l.name) x
			WHERE NOT l.partial AND x.seqno = 0 AND x.name = ? COLLATE NOCASE AND x.coll = 'BINARY'`, table, column)
		return name, err
	})
}

// usable is an index's name if it can be part of a statement. GORM has a meaning of
// its own for some characters.
func usable(name any) string {
	text, _ := name.(string)
	if !utf8.ValidString(text) || strings.ContainsAny(text, "@?") {
		return ""
	}
	return text
}

// by is a table in a FROM clause, and one of its columns by which an index finds rows
// if there is one. SQLite is told to use it, since it may not want to by itself: after
// an ANALYZE while the orchestrator was idle, it takes it for certain that nearly all
// rows have the same status, whatever is asked for, and reads them all
// (https://www.sqlite.org/lang_indexedby.html).
func (s *session) by(table, alias, column string) (from, by string, err error) {
	from, by = table+" "+alias, alias+"."+column+" COLLATE BINARY"
	index, err := s.index(table, column)
	if err != nil || index == "" {
		return from, by, err
	}
	return from + ` INDEXED BY "` + strings.ReplaceAll(index, `"`, `""`) + `"`, by, nil
}

func (s *session) table(name string) (tableColumns, error) {
	known := s.view.conn.schema
	return lookUpOnce(known, known.tables, name, func() (tableColumns, error) { return s.lookUp(name) })
}

func (s *session) lookUp(table string) (tableColumns, error) {
	found := tableColumns{names: map[string]bool{}}
	keys := 0
	err := s.query(func(row *cells) {
		name, kind, key, index := strings.ToLower(row.name()), row.name(), row.orZero(), row.orZero()
		found.names[name] = true
		if key > 0 {
			keys++
			found.keyed = keys == 1 && name == "id" && strings.EqualFold(kind, "INTEGER") && index == 0
		}
	}, `SELECT name, type, pk, (SELECT count(*) FROM pragma_index_list(?) WHERE origin = 'pk') FROM pragma_table_xinfo(?)`, table, table)
	return found, err
}

// drift is the error that goes with what was read without the missing columns.
func (c *columns) drift() error {
	if c == nil || len(c.missing) == 0 {
		return nil
	}
	return fmt.Errorf("table %s has no column %s: %w", c.table, strings.Join(c.missing, ", "), domain.CodeSchemaDrift)
}

// has tells whether the table has the column; one that is missing is remembered.
func (c *columns) has(name string) bool { return c.ref(name) != "NULL" }

// ref is the column itself, or NULL where the table has none.
func (c *columns) ref(name string) string {
	if c.found.names[name] {
		return c.prefix + name
	}
	if !slices.Contains(c.missing, name) {
		c.missing = append(c.missing, name)
	}
	return "NULL"
}

// integerOf, realOf and textOf read a column as it is: cells looks at the type of
// each value. Where that has met a cell that is too big, they let a value of the
// right type through and turn any other into a small marker of a wrong one, so that a
// cell of 20 MB never leaves SQLite. As expressions they also have no declared type,
// by which the driver would convert values on its own.
func (c *columns) integerOf(name string) string {
	if !c.careful {
		return "+" + c.ref(name)
	}
	return fmt.Sprintf("CASE typeof(%[1]s) WHEN 'integer' THEN %[1]s WHEN 'null' THEN NULL ELSE '' END", c.ref(name))
}

// realOf also lets integers through, and what is not finite: cells tells.
func (c *columns) realOf(name string) string {
	if !c.careful {
		return "+" + c.ref(name)
	}
	return fmt.Sprintf("CASE WHEN typeof(%[1]s) IN ('text','blob') THEN '' ELSE %[1]s END", c.ref(name))
}

func (c *columns) textOf(name string) string {
	if !c.careful {
		return "+" + c.ref(name)
	}
	return textExpr(c.ref(name))
}

// textExpr cuts only what is long, by its bytes as cells does: as a text, substr ends it
// at its first NUL.
func textExpr(expr string) string {
	return fmt.Sprintf("CASE typeof(%[1]s) WHEN 'text' THEN CASE WHEN octet_length(%[1]s) > %[2]d"+
		" THEN CAST(substr(CAST(%[1]s AS BLOB), 1, %[2]d) AS TEXT) ELSE %[1]s END WHEN 'null' THEN NULL ELSE 0 END", expr, cutText)
}

// epochOf is a timestamp in seconds since 1970. Whatever SQLite understands is
// one (https://www.sqlite.org/lang_datefunc.html); anything else is a marker.
func (c *columns) epochOf(name string) string {
	return fmt.Sprintf("coalesce(unixepoch(%[1]s), CASE WHEN %[1]s IS NOT NULL THEN '' END)", c.ref(name))
}

// finite is true for a number that JSON can hold. The bounds are those of a
// 64-bit float; abs() will not do, as it fails on the lowest integer.
func finite(expr string) string {
	return fmt.Sprintf("(typeof(%[1]s) IN ('real','integer') AND %[1]s BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308)", expr)
}

// notOneOf is 1 for a cell whose type is not one of these and that is not null.
func notOneOf(expr string, types ...string) string {
	return fmt.Sprintf("(typeof(%s) NOT IN ('null','%s'))", expr, strings.Join(types, "','"))
}
