package sqlstore

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

func lookUps(statements []string) int {
	count := 0
	for _, statement := range statements {
		count += strings.Count(statement, "pragma_")
	}
	return count
}

// TestSchema_LookedUpOnce: what the tables are is asked for once, and not at every
// scrape, however long the schema is.
func TestSchema_LookedUpOnce(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{walMode, deleteMode} {
		path := newDB(t, mode, script(t, "busy.sql"), "CREATE TABLE other (x /* "+strings.Repeat("long ", 10_000)+"*/)")
		s, db := newStore(t, path), writable(t, path)
		statements := capture(t, s)
		scrapeOnce(t, s)
		assert.Equal(t, 10, lookUps(statements()), "two for each of three tables and of two indexes")
		execute(t, db, "UPDATE tasks SET updated_at = datetime('now')")
		scrapeOnce(t, s)
		assert.Zero(t, lookUps(statements()), "the same schema is looked up again")
		execute(t, db, "ALTER TABLE tasks ADD COLUMN more TEXT")
		scrapeOnce(t, s)
		assert.Equal(t, 10, lookUps(statements()), "another schema is not")
	}
}

// TestSchema_SeesChanges: each change of the schema shows in the next scrape.
func TestSchema_SeesChanges(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	s, db := newStore(t, path), writable(t, path)
	want := results(t, s)
	execute(t, db, "ALTER TABLE tasks RENAME COLUMN repo TO repository")
	require.ErrorIs(t, results(t, s)["stages"].err, domain.CodeSchemaDrift)
	execute(t, db, "ALTER TABLE tasks RENAME COLUMN repository TO repo")
	require.Equal(t, want["stages"], results(t, s)["stages"])
	execute(t, db, "ALTER TABLE tasks RENAME TO chores")
	require.ErrorIs(t, results(t, s)["stages"].err, domain.CodeSchemaDrift)
	execute(t, db, "ALTER TABLE chores RENAME TO tasks", "CREATE INDEX idx_tasks_stage ON tasks(stage)")
	require.Equal(t, want["stages"], results(t, s)["stages"])
	execute(t, db, "DROP INDEX idx_tasks_stage")
	require.Equal(t, want["stages"], results(t, s)["stages"])
}

// TestSchema_OfAnotherDatabaseInTheSameFile: a database that was copied over the
// old one may have the same schema version, and other columns.
func TestSchema_OfAnotherDatabaseInTheSameFile(t *testing.T) {
	t.Parallel()
	path := newDB(t, deleteMode, script(t, "busy.sql"), "ALTER TABLE tasks DROP COLUMN repo")
	other := newDB(t, deleteMode, script(t, "busy.sql"), "ALTER TABLE tasks DROP COLUMN work_item_id")
	s := newStore(t, path)
	require.ErrorContains(t, results(t, s)["stages"].err, "tasks has no column repo:")

	content, err := os.ReadFile(other)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	assert.ErrorContains(t, results(t, s)["stages"].err, "tasks has no column work_item_id:")
}
