// Package enginetest has the suite that proves an engine: what package engine says in
// words, tried with a real database that somebody else writes.
//
//	func TestEngine(t *testing.T) {
//		enginetest.Run(t, func(t testing.TB) enginetest.Database { … })
//	}
package enginetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
)

// Database is an empty database, and what the suite does to it from outside.
type Database struct {
	// Engine is one over the database.
	Engine engine.Engine
	// Exec runs statements as whoever writes the database, from another connection.
	// Each is committed by itself.
	Exec func(t testing.TB, statements ...string)
	// Lock keeps all others from a table until it is undone. Nil where nobody can keep
	// a reader from one table alone; Busy is the code that a reading then has.
	Lock func(t testing.TB, table string) (undo func())
	Busy domain.Code
	// Replace puts another empty database in the place of this one.
	Replace func(t testing.TB)
	// Absent is an engine over a database that is not there, and Missing the code
	// that shows it.
	Absent  engine.Engine
	Missing domain.Code
	// Open tells how many connections to the database or files of it this process has
	// open; at most Idle while there is no view.
	Open func(t testing.TB) int
	Idle int
	// Types are what columns are declared as, by the kind of their cells.
	Types Types
	// Writes are statements besides those of the suite that must be refused: they
	// write, or prepare for it.
	Writes []string
	// Cells are readings of cells besides those of the suite.
	Cells []Cell
}

// Types are what columns of a kind are declared as.
type Types struct {
	Text, Integer, Real, Time string
}

// Cell is a cell, and what is read of it.
type Cell struct {
	Type string // that of its column
	SQL  string // the literal
	// Read is how it is read, and Want what that gives: an int64, a float64, a string
	// or a time.Time; nil is NULL, Odd one that is an anomaly.
	Read Method
	Want any
	Odd  bool
}

// Method is a type as which engine.Rows reads a cell, and the expression that goes with it.
type Method int

// The types as which cells are read.
const (
	Text Method = iota
	Integer
	Real
	Time
)

const (
	// plenty is time enough for every reading that is not to end by itself.
	plenty = time.Minute
	// patient is how long the suite waits for what must come.
	patient = 20 * time.Second
)

// check is one promise. It speaks to a testing.TB, so that tests can watch it fail.
type check struct {
	name string
	run  func(t testing.TB, db Database)
}

// Run proves an engine. open is called anew for each check, and cleans up by itself.
func Run(t *testing.T, open func(t testing.TB) Database) {
	t.Helper()
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func checks() []check {
	return slices.Concat(stateChecks(), readOnlyChecks(), timeChecks(), failureChecks(), dialectChecks(), []check{
		{"cells of every type", cells},
		{"a large cell", largeCells},
	})
}

// view begins a view that ends with the test.
func (db Database) view(t testing.TB) *engine.View {
	t.Helper()
	v := engine.NewView(t.Context(), db.Engine)
	t.Cleanup(v.End)
	return v
}

// in runs a reading in a view.
func in(t testing.TB, v *engine.View, fn func(*engine.Session)) {
	t.Helper()
	s, err := v.Session(t.Context())
	require.NoError(t, err)
	defer s.End()
	fn(s)
	require.NoError(t, s.Check(nil))
}

// in runs a reading in a view of its own: an engine may have few connections.
func (db Database) in(t testing.TB, fn func(*engine.Session)) {
	t.Helper()
	v := engine.NewView(t.Context(), db.Engine)
	defer v.End()
	in(t, v, fn)
}

// number is the one number that a statement returns.
func number(t testing.TB, s *engine.Session, query string, args ...any) (n int64) {
	t.Helper()
	rows := s.Query(query, args...)
	for rows.Next() {
		rows.Scan(&n)
	}
	require.NoError(t, rows.Close())
	return n
}

// count is how many rows a table has, in a view.
func count(t testing.TB, v *engine.View, table string) (n int64) {
	t.Helper()
	in(t, v, func(s *engine.Session) { n = number(t, s, "SELECT count(*) FROM "+table) })
	return n
}

// count is how many rows a table has by now.
func (db Database) count(t testing.TB, table string) (n int64) {
	t.Helper()
	db.in(t, func(s *engine.Session) { n = number(t, s, "SELECT count(*) FROM "+table) })
	return n
}

// stateOf is what a new view sees.
func (db Database) stateOf(t testing.TB) (state engine.State) {
	t.Helper()
	db.in(t, func(s *engine.Session) { state = s.State })
	return state
}

// timed is a context with so much time.
func timed(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits for something.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for began := time.Now(); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > patient {
			require.FailNow(t, "it never came to this", what)
		}
	}
}

// gormWrites are the ways in which GORM writes.
func gormWrites() map[string]func(*gorm.DB) error {
	type thing struct {
		ID    int64 `gorm:"primaryKey"`
		Name  string
		Added string
	}
	row := func() *thing { return &thing{ID: 7, Name: "new"} }
	return map[string]func(*gorm.DB) error{
		"create":        func(db *gorm.DB) error { return db.Create(row()).Error },
		"save":          func(db *gorm.DB) error { return db.Save(row()).Error },
		"update":        func(db *gorm.DB) error { return db.Model(row()).Update("name", "new").Error },
		"delete":        func(db *gorm.DB) error { return db.Delete(row()).Error },
		"exec":          func(db *gorm.DB) error { return db.Exec("DELETE FROM things").Error },
		"without hooks": func(db *gorm.DB) error { return db.Session(&gorm.Session{SkipHooks: true}).Create(row()).Error },
		"migrate":       func(db *gorm.DB) error { return db.AutoMigrate(&thing{}) },
		"drop table":    func(db *gorm.DB) error { return db.Migrator().DropTable("things") },
		"in transaction": func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error { return tx.Create(row()).Error })
		},
	}
}

func readOnlyChecks() []check {
	return []check{{"nothing can be written", func(t testing.TB, db Database) {
		db.Exec(t, "CREATE TABLE things (id "+db.Types.Integer+" PRIMARY KEY, name "+db.Types.Text+")", "INSERT INTO things VALUES (1, 'one')")
		for _, statement := range append([]string{
			"INSERT INTO things VALUES (2, 'two')",
			"UPDATE things SET name = 'two'",
			"DELETE FROM things",
			"WITH gone AS (SELECT 1) DELETE FROM things",
			"CREATE TABLE others (id integer)",
			"CREATE INDEX other ON things (name)",
			"CREATE VIEW other AS SELECT 1",
			"CREATE TEMP TABLE others (id integer)",
			"ALTER TABLE things ADD COLUMN other text",
			"DROP TABLE things",
			"COMMIT",
			"ROLLBACK",
			"VACUUM",
			"ANALYZE",
			"SELECT 1; DELETE FROM things",
		}, db.Writes...) {
			v := db.view(t)
			in(t, v, func(s *engine.Session) {
				require.EqualValues(t, 1, number(t, s, "SELECT count(*) FROM things"))
				rows := s.Query(statement)
				returned := rows.Next()
				assert.True(t, rows.Close() != nil || !returned, "refused or without effect: %s", statement)
			})
			if s, err := v.Session(t.Context()); assert.NoError(t, err) { // also behind what was refused
				_ = s.Query("DELETE FROM things").Close()
				s.End()
			}
			v.End()
			assert.EqualValues(t, 1, db.count(t, "things"), "%s", statement)
		}
		conn, _, err := db.Engine.Connect(t.Context())
		require.NoError(t, err)
		defer conn.Close()
		for name, write := range gormWrites() {
			require.Error(t, write(conn.Session(t.Context())), name) // one in a transaction fails before it comes to that
		}
		require.ErrorIs(t, conn.Session(t.Context()).Exec("SELECT 1").Error, engine.ErrReadOnly)
		assert.EqualValues(t, 1, db.count(t, "things"))
	}}}
}
