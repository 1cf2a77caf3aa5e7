package enginetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
)

func dialectChecks() []check {
	return []check{
		{"tables and views are found", tables},
		{"indexes are found", indexes},
		{"rows are found by an index, and by a range of ids", rowsFound},
		{"texts are compared byte by byte", func(t testing.TB, db Database) {
			db.things(t)
			db.Exec(t, "INSERT INTO things VALUES (1, 'Done'), (2, 'done'), (3, 'done '), (4, NULL)")
			db.in(t, func(s *engine.Session) {
				exact := s.Dialect().Exact(db.column(t, s, "things", "name"))
				assert.EqualValues(t, 1, number(t, s, "SELECT count(*) FROM things WHERE "+exact+" = 'done'"))
				assert.EqualValues(t, 2, number(t, s, "SELECT count(*) FROM things WHERE "+exact+" NOT IN ('done','cancelled')"))
			})
		}},
		{"a table of the same name is another one", func(t testing.TB, db Database) {
			db.things(t)
			place := func() (place string) {
				db.in(t, func(s *engine.Session) {
					rows := s.Query("SELECT " + s.Dialect().Place("things"))
					for rows.Next() {
						place = fmt.Sprint(rows.Rest()...)
					}
					require.NoError(t, rows.Close())
				})
				return place
			}
			before := place()
			db.Exec(t, "INSERT INTO things VALUES (1, 'one')")
			assert.Equal(t, before, place())
			// Something takes the place that becomes free.
			db.Exec(t, "ALTER TABLE things RENAME TO old")
			db.things(t)
			assert.NotEqual(t, before, place())
		}},
		{"sums and the highest", func(t testing.TB, db Database) {
			db.Exec(t, "CREATE TABLE sums (id "+db.Types.Integer+" PRIMARY KEY, whole "+db.Types.Integer+", part "+db.Types.Real+")",
				"INSERT INTO sums VALUES (1, 1099511627776, 0.5), (2, NULL, NULL), (3, 2, 0.25)")
			db.in(t, func(s *engine.Session) {
				whole, part := db.column(t, s, "sums", "whole"), db.column(t, s, "sums", "part")
				for where, want := range map[string][]any{
					"id > 0": {int64(1<<40 + 2), 0.75, int64(1 << 40), 0.5},
					"id < 0": {nil, nil, nil, nil},
				} {
					d := s.Dialect()
					rows := s.Query(fmt.Sprintf("SELECT %s, %s, max(whole), max(part) FROM sums WHERE "+where,
						d.Sum(whole, "sums.id"), d.Sum(part, "sums.id")))
					for rows.Next() {
						assert.Equal(t, want, rows.Rest())
					}
					require.NoError(t, rows.Close())
				}
			})
		}},
	}
}

// column is a column of a table, as it is found, with its type.
func (db Database) column(t testing.TB, s *engine.Session, table, name string) engine.Column {
	t.Helper()
	found, err := s.Dialect().Table(s, table)
	require.NoError(t, err)
	require.True(t, found.Columns[name], "%s.%s", table, name)
	return engine.Column{Name: table + "." + name, Type: found.Types[name]}
}

func tables(t testing.TB, db Database) {
	db.things(t)
	db.Exec(t, "CREATE VIEW seen AS SELECT id, name AS called FROM things",
		"CREATE TABLE unkeyed (id "+db.Types.Integer+", name "+db.Types.Text+")",
		"CREATE TABLE elsewhere (name "+db.Types.Text+" PRIMARY KEY, id "+db.Types.Integer+")",
		"CREATE TABLE pairs (id "+db.Types.Integer+", part "+db.Types.Integer+", PRIMARY KEY (id, part))",
		"CREATE TABLE numbered (number "+db.Types.Integer+" PRIMARY KEY, id "+db.Types.Integer+")",
		"CREATE TABLE texts (id "+db.Types.Text+" PRIMARY KEY)")
	db.in(t, func(s *engine.Session) {
		for name, want := range map[string]engine.Table{
			"things":    {Columns: map[string]bool{"id": true, "name": true}, Keyed: true},
			"seen":      {Columns: map[string]bool{"id": true, "called": true}, View: true},
			"unkeyed":   {Columns: map[string]bool{"id": true, "name": true}},
			"elsewhere": {Columns: map[string]bool{"id": true, "name": true}},
			"pairs":     {Columns: map[string]bool{"id": true, "part": true}},
			"numbered":  {Columns: map[string]bool{"number": true, "id": true}},
			"texts":     {Columns: map[string]bool{"id": true}},
			"absent":    {},
		} {
			got, err := s.Dialect().Table(s, name)
			require.NoError(t, err)
			got.Types = nil
			assert.Equal(t, want, got, name)
		}
	})
}

func indexes(t testing.TB, db Database) {
	db.things(t)
	db.Exec(t, "CREATE TABLE others (id "+db.Types.Integer+", a "+db.Types.Text+", b "+db.Types.Text+", c "+db.Types.Text+", d "+db.Types.Text+")",
		"CREATE INDEX others_a ON others (a, b)",
		"CREATE INDEX others_c ON others (c) WHERE c IS NOT NULL",
		"CREATE INDEX others_d ON others (lower(d))")
	db.in(t, func(s *engine.Session) {
		for column, want := range map[string]string{"a": "others_a", "b": "", "c": "", "d": "", "gone": ""} {
			got, err := s.Dialect().Index(s, "others", column)
			require.NoError(t, err)
			assert.Equal(t, want, got, column)
		}
		got, err := s.Dialect().Index(s, "things", "name")
		require.NoError(t, err)
		assert.Empty(t, got)
	})
}

func rowsFound(t testing.TB, db Database) {
	db.things(t)
	db.Exec(t, "CREATE INDEX things_name ON things (name)",
		"INSERT INTO things VALUES (-3, 'a'), (1, 'b'), (2, 'a'), (4, NULL), (9223372036854775807, 'a')")
	db.in(t, func(s *engine.Session) {
		for _, index := range []string{"", "things_name"} {
			assert.EqualValues(t, 3, number(t, s, "SELECT count(*) FROM "+s.Dialect().From("things", "th", index)+" WHERE th.name = 'a'"))
		}
		name := db.column(t, s, "things", "name")
		name.Name = "th.name"
		for _, index := range []string{"", "things_name"} {
			equal := s.Dialect().Equal("things", "th", index, name, "w.name")
			assert.EqualValues(t, 4, number(t, s, "SELECT count(*) FROM (SELECT 'a' AS name UNION ALL SELECT NULL) w "+equal))
		}
		from, where := s.Dialect().Range("things", "th")
		for span, want := range map[[2]int64]int64{
			{-1 << 63, 1<<63 - 1}: 5, {1, 2}: 2, {2, 1}: 0, {-3, -3}: 1, {5, 1<<63 - 1}: 1,
		} {
			assert.Equal(t, want, number(t, s, "SELECT count(*) FROM "+from+" WHERE "+where, span[0], span[1]), "%v", span)
		}
	})
}

// commonCells are cells that every engine reads alike.
func commonCells(types Types) []Cell {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	text := func(read Method, sql string, want any) Cell {
		return Cell{Type: types.Text, SQL: sql, Read: read, Want: want}
	}
	odd := func(of string, read Method, sql string) Cell { return Cell{Type: of, SQL: sql, Read: read, Odd: true} }
	found := []Cell{
		text(Text, "'plain'", "plain"), text(Text, "''", ""), text(Text, "'Größe 🙂'", "Größe 🙂"), text(Text, "NULL", nil),
		text(Integer, "'12'", int64(12)), text(Integer, "' +7 '", int64(7)), text(Integer, "'-3.0'", int64(-3)), text(Integer, "NULL", nil),
		odd(types.Text, Integer, "'twelve'"), odd(types.Text, Integer, "''"), odd(types.Text, Integer, "'1.5'"), odd(types.Text, Integer, "'0x10'"),
		odd(types.Text, Integer, "'+-5'"), odd(types.Text, Integer, "'1_000'"), odd(types.Text, Real, "'0x1p4'"), odd(types.Text, Real, "'1 2'"),
		text(Real, "'12.50'", 12.5), text(Real, "'1e3'", 1000.0), text(Real, "NULL", nil),
		odd(types.Text, Real, "'free'"), odd(types.Text, Real, "'NaN'"), odd(types.Text, Real, "'1e999'"),
		{types.Integer, "5", Integer, int64(5), false},
		{types.Integer, "9223372036854775807", Integer, int64(1<<63 - 1), false},
		{types.Integer, "5", Real, 5.0, false},
		{types.Integer, "NULL", Integer, nil, false},
		odd(types.Integer, Text, "5"),
		{types.Real, "0.5", Real, 0.5, false},
		{types.Real, "2.0", Integer, int64(2), false},
		{types.Real, "NULL", Real, nil, false},
		odd(types.Real, Integer, "1.5"), odd(types.Real, Text, "1.5"),
		{types.Time, "'2026-06-01 12:00:00'", Time, noon, false},
		{types.Time, "'2026-06-01 14:00:00.999+02:00'", Time, noon, false},
		{types.Time, "'2199-12-31 23:59:59'", Time, time.Date(2199, 12, 31, 23, 59, 59, 0, time.UTC), false},
		odd(types.Time, Time, "'1999-12-31 23:59:59'"), odd(types.Time, Time, "'2200-01-01 00:00:00'"),
		{types.Time, "NULL", Time, nil, false},
	}
	// The forms of docs/contract.md, in a column of texts.
	for _, form := range []string{
		"2026-06-01 12:00:00", "2026-06-01 12:00", "2026-06-01 12:00:00.750", "2026-06-01T12:00:00Z", "2026-06-01T14:00:00.5+02:00",
		"2026-06-01 07:00:00-05:00", "2461193.0", "2026-06-01 12:00:00 Z", "2026-06-01T12:00:00.9999", "2026-06-01 12:00Z",
	} {
		found = append(found, text(Time, "'"+form+"'", noon))
	}
	found = append(found,
		text(Time, "'2026-06-01'", noon.Add(-12*time.Hour)),
		text(Time, "'2026-02-30 12:00:00'", time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)),
		text(Time, "'2026-06-01 24:00:00'", noon.Add(12*time.Hour)))
	for _, form := range []string{
		"", "now", "12:34:56", "0", "1780315200", "1999-12-31 23:59:59", "2200-01-01 00:00:00", "0001-01-01 00:00:00+00:00",
		"2026-13-01 12:00:00", "01.06.2026 12:00", "2026-06-01 12:00:00 +0000 UTC", "2026-06-01 25:00:00", "2026-06-32", "2026-6-1",
		"2026-06-01 12:60:00", "2026-06-01 12:00:60", "2026-06-01 12:00:00.", "2026-06-01 12:00:00+15:00", "2026-06-01 12", "x",
	} {
		found = append(found, odd(types.Text, Time, "'"+form+"'"))
	}
	return found
}

func cells(t testing.TB, db Database) {
	for i, c := range append(commonCells(db.Types), db.Cells...) {
		table := fmt.Sprintf("cell_%d", i)
		db.Exec(t, fmt.Sprintf("CREATE TABLE %s (cell %s)", table, c.Type), fmt.Sprintf("INSERT INTO %s VALUES (%s)", table, c.SQL))
	}
	v := db.view(t)
	for i, c := range append(commonCells(db.Types), db.Cells...) {
		for _, guarded := range []bool{false, true} {
			in(t, v, func(s *engine.Session) {
				require.NoError(t, s.Guard(guarded))
				got, anomalies := readCell(t, s, db.column(t, s, fmt.Sprintf("cell_%d", i), "cell"), c.Read)
				assert.Equal(t, c.Want, got, "%s %s", c.Type, c.SQL)
				assert.Equal(t, c.Odd, anomalies == 1, "%s %s: anomalies", c.Type, c.SQL)
			})
		}
	}
}

// readCell reads the one cell of a table.
func readCell(t testing.TB, s *engine.Session, column engine.Column, read Method) (value any, anomalies int64) {
	t.Helper()
	table, _, _ := strings.Cut(column.Name, ".")
	as := [...]engine.Type{engine.Text, engine.Integer, engine.Real, engine.Instant}[read]
	rows := s.Query("SELECT " + s.Dialect().Cell(column, as, s.Guarded) + " FROM " + table)
	for rows.Next() {
		switch read {
		case Text:
			value = scanned[string](rows)
		case Integer:
			value = scanned[int64](rows)
		case Real:
			value = scanned[float64](rows)
		case Time:
			value = scanned[time.Time](rows)
		}
		anomalies = rows.Anomalies()
	}
	require.NoError(t, rows.Close())
	return value, anomalies
}

// scanned is a cell read as a type, or nil.
func scanned[T any](rows *engine.Rows) any {
	var value *T
	if rows.Scan(&value); value == nil {
		return nil
	}
	return *value
}

// largeCells reads cells of a megabyte: as they are, which may be refused, and guarded.
func largeCells(t testing.TB, db Database) {
	db.Exec(t, "CREATE TABLE large (id integer, cell "+db.Types.Text+")",
		"INSERT INTO large VALUES (1, '"+strings.Repeat("ä", 1<<19)+"')")
	db.in(t, func(s *engine.Session) {
		column := db.column(t, s, "large", "cell")
		rows := s.Query("SELECT " + s.Dialect().Cell(column, engine.Text, false) + " FROM large")
		if rows.Next() {
			require.LessOrEqual(t, len(fmt.Sprint(rows.Rest()...)), 4*engine.CutText, "a large cell comes whole")
		}
		if err := rows.Close(); err != nil {
			require.ErrorIs(t, err, domain.CodeTooLarge)
		}
		require.NoError(t, s.Guard(true))
		text, anomalies := readCell(t, s, column, Text)
		assert.Equal(t, strings.Repeat("ä", engine.MaxText/2), text)
		assert.Zero(t, anomalies)
		for _, read := range []Method{Integer, Real, Time} {
			value, anomalies := readCell(t, s, column, read)
			assert.Nil(t, value)
			assert.EqualValues(t, 1, anomalies)
		}
	})
}
