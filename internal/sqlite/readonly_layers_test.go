package sqlite

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/orchmetrics/orchmetrics/internal/engine"
)

// Each layer refuses on its own, with the others off. That the layers leave
// gaps, and which, is why there are four.

// changes are statements that change the database itself.
func changes() []string {
	return []string{
		"INSERT INTO tasks (id, stage) VALUES (1000, 'new')",
		"REPLACE INTO tasks (id, stage) VALUES (7, 'new')",
		"UPDATE tasks SET stage = 'done'",
		"DELETE FROM jobs",
		"CREATE TABLE other (id INTEGER)",
		"CREATE INDEX other ON tasks (stage)",
		"CREATE VIEW other AS SELECT 1",
		"CREATE TRIGGER other AFTER INSERT ON tasks BEGIN DELETE FROM jobs; END",
		"CREATE VIRTUAL TABLE other USING fts5(x)",
		"ALTER TABLE tasks ADD COLUMN other TEXT",
		"ALTER TABLE tasks DROP COLUMN repo",
		"ALTER TABLE tasks RENAME TO other",
		"DROP TABLE agent_runs",
		"DROP INDEX idx_jobs_status",
		"PRAGMA user_version = 1",
		"PRAGMA application_id = 1",
		"PRAGMA schema_version = 5",
		"PRAGMA schema_version = ''",
	}
}

// tricks are statements that change something else, or prepare for it.
func tricks(dir string) []string {
	return []string{
		"ATTACH '" + filepath.Join(dir, "attached.db") + "' AS other",
		"ATTACH ':memory:' AS other",
		"DETACH main",
		"VACUUM",
		"VACUUM INTO '" + filepath.Join(dir, "copy.db") + "'",
		"REINDEX",
		"ANALYZE",
		"SAVEPOINT other",
		"CREATE TEMP TABLE other (id INTEGER)",
		"PRAGMA query_only = 0",
		"PRAGMA writable_schema = 1",
		"PRAGMA wal_checkpoint",
		"PRAGMA wal_checkpoint(TRUNCATE)",
		"PRAGMA journal_mode = DELETE",
		"PRAGMA journal_mode = MEMORY",
		"PRAGMA locking_mode = EXCLUSIVE",
		"PRAGMA wal_autocheckpoint = 1",
		"PRAGMA incremental_vacuum",
		"PRAGMA optimize",
		"PRAGMA temp_store_directory = '/'",
		"PRAGMA temp_store = FILE",
		"PRAGMA temp_store = MEMORY",
		"SELECT load_extension('other')",
	}
}

func requireRefused(t *testing.T, db *sql.DB, statements []string, messages ...string) {
	t.Helper()
	for _, statement := range statements {
		_, err := db.Exec(statement)
		if assert.Error(t, err, statement) {
			known := slices.ContainsFunc(messages, func(m string) bool { return strings.Contains(err.Error(), m) })
			assert.True(t, known, "%s: refused for another reason: %v", statement, err)
		}
	}
}

func TestReadOnlyURIAlone(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	before := listing(t, path)
	db := openURI(t, uri(path, readOnly))
	requireRefused(t, db, changes(), "attempt to write a readonly database")
	require.NoError(t, db.Close())
	assert.Equal(t, before, listing(t, path))

	absent := filepath.Join(t.TempDir(), "absent.db")
	require.Error(t, openURI(t, uri(absent, readOnly)).Ping())
	assert.NoFileExists(t, absent)
}

func TestQueryOnlyAlone(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	before := listing(t, path)
	db := openURI(t, uri(path, "mode=rw", queryOnly))
	requireRefused(t, db, changes(), "attempt to write a readonly database")
	require.NoError(t, db.Close())
	assert.Equal(t, before, listing(t, path))
}

func TestAuthorizerAlone(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{walMode, deleteMode} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			path := newDB(t, mode, script(t, "busy.sql"))
			dir := filepath.Dir(path)
			before := listing(t, path)
			db := sql.OpenDB(authorized(path))
			db.SetMaxOpenConns(1)
			requireRefused(t, db, changes(), "not authorized", "authorization denied")
			requireRefused(t, db, tricks(dir), "not authorized", "authorization denied")
			requireRefused(t, db, []string{
				"PRAGMA schema_version",
				"SELECT * FROM pragma_schema_version",
				"SELECT * FROM pragma_optimize",
				"SELECT * FROM pragma_foreign_key_check",
				"EXPLAIN DELETE FROM jobs",
				"WITH x AS (SELECT 1) DELETE FROM jobs",
			}, "not authorized")

			var tasks, columns int
			require.NoError(t, db.QueryRow("SELECT count(*) FROM tasks").Scan(&tasks))
			assert.Equal(t, 6, tasks)
			require.NoError(t, db.QueryRow("SELECT count(*) FROM pragma_table_xinfo('tasks')").Scan(&columns))
			assert.Equal(t, 6, columns)
			require.NoError(t, db.Close())
			assert.Equal(t, before, listing(t, path))
			assert.Equal(t, []string{"orch.db"}, names(t, dir))
		})
	}
}

// TestAuthorizerDeniesByDefault: what SQLite or the driver refuse by themselves
// today, the authorizer refuses too.
func TestAuthorizerDeniesByDefault(t *testing.T) {
	t.Parallel()
	for _, function := range []string{"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit", "sqlite_offset", ""} {
		assert.Equal(t, authDeny, authorize(actionFunction, "", function, ""), function)
	}
	assert.Equal(t, authOK, authorize(actionFunction, "", "strftime", ""))
	allowed := []int{}
	for action := range 100 {
		if authorize(action, "", "", "main") == authOK {
			allowed = append(allowed, action)
		}
	}
	assert.Equal(t, []int{actionRead, actionSelect, actionTransaction, actionRecursive}, allowed)
}

// authorized is a connection that may write, behind the authorizer.
func authorized(path string) connector {
	c := newConnector(path, 0)
	c.uri = uri(path, "mode=rwc")
	return c
}

// task is a model for GORM, as somebody might come to write one.
type task struct {
	ID    int64 `gorm:"primaryKey"`
	Stage string
	Added string
}

func TestSessionAlone(t *testing.T) {
	t.Parallel()
	path := newDB(t, deleteMode, script(t, "busy.sql"))
	before := listing(t, path)
	db, err := engine.ReadOnly(sqlite.Open(uri(path, "mode=rwc")))
	require.NoError(t, err)
	for name, write := range gormWrites() {
		require.ErrorIs(t, write(db), engine.ErrReadOnly, name)
	}
	for _, statement := range append(changes(), tricks(filepath.Dir(path))...) {
		require.ErrorIs(t, db.Exec(statement).Error, engine.ErrReadOnly, statement)
	}
	var tasks int64
	require.NoError(t, db.Table("tasks").Count(&tasks).Error)
	assert.EqualValues(t, 6, tasks)
	raw, err := db.DB()
	require.NoError(t, err)
	require.NoError(t, raw.Close())
	assert.Equal(t, before, listing(t, path))
}

// gormWrites are the ways in which GORM writes.
func gormWrites() map[string]func(*gorm.DB) error {
	row := func() *task { return &task{ID: 7, Stage: "new"} }
	return map[string]func(*gorm.DB) error{
		"create":          func(db *gorm.DB) error { return db.Create(row()).Error },
		"create in bulk":  func(db *gorm.DB) error { return db.CreateInBatches([]task{*row()}, 1).Error },
		"save":            func(db *gorm.DB) error { return db.Save(row()).Error },
		"update":          func(db *gorm.DB) error { return db.Model(row()).Update("stage", "new").Error },
		"update columns":  func(db *gorm.DB) error { return db.Model(row()).UpdateColumn("stage", "new").Error },
		"delete":          func(db *gorm.DB) error { return db.Delete(row()).Error },
		"delete unscoped": func(db *gorm.DB) error { return db.Unscoped().Where("1").Delete(row()).Error },
		"exec":            func(db *gorm.DB) error { return db.Exec("DELETE FROM tasks").Error },
		"without hooks":   func(db *gorm.DB) error { return db.Session(&gorm.Session{SkipHooks: true}).Create(row()).Error },
		"auto migrate":    func(db *gorm.DB) error { return db.AutoMigrate(&task{}) },
		"create table":    func(db *gorm.DB) error { return db.Table("other").Migrator().CreateTable(&task{}) },
		"drop table":      func(db *gorm.DB) error { return db.Migrator().DropTable("tasks") },
		"in a transaction": func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error { return tx.Create(row()).Error })
		},
	}
}

// openURI opens what a URI says, and nothing else.
func openURI(t *testing.T, location string) *sql.DB {
	t.Helper()
	db := sql.OpenDB(connector{uri: location, drv: &sqlite3.SQLiteDriver{}})
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}
