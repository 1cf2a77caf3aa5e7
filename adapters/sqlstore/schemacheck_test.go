package sqlstore

import (
	"database/sql"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// columnNames lists the columns of a table as SQLite has them.
func columnNames(t *testing.T, path, table string) []string {
	t.Helper()
	var found []string
	db := writable(t, path)
	each(t, db, "SELECT name FROM pragma_table_info('"+table+"')", func(rows *sql.Rows) {
		var name string
		require.NoError(t, rows.Scan(&name))
		found = append(found, name)
	})
	require.NoError(t, db.Close())
	return found
}

// TestExpected_IsWhatSourcesNeed: each column of the orchestrator's schema is
// taken away in turn, and what the sources then say is what Expected says of it:
// nothing, a part is missing, or a section fails.
func TestExpected_IsWhatSourcesNeed(t *testing.T) {
	t.Parallel()
	const later = "ALTER TABLE jobs ADD COLUMN host TEXT"
	known := newDB(t, deleteMode, later)
	for i, table := range Expected() {
		for _, column := range columnNames(t, known, table.Name) {
			t.Run(table.Name+"."+column, func(t *testing.T) {
				t.Parallel()
				path := newDB(t, deleteMode, script(t, "busy.sql"), later, "ALTER TABLE "+table.Name+" RENAME COLUMN "+column+" TO other")
				store := newStore(t, path)
				got := results(t, store)
				drifted, failed := false, false
				for source, result := range got {
					drifted = drifted || errors.Is(result.err, domain.CodeSchemaDrift)
					// Without retries the queue is there all the same.
					failed = failed || source != "retries" && result.err != nil && !hasValue(result)
				}
				at := slices.IndexFunc(table.Columns, func(c Column) bool { return c.Name == column })
				assert.Equal(t, at >= 0 && !table.Columns[at].Optional, drifted, "a column that is expected is missed, and no other")
				assert.Equal(t, at >= 0 && table.Columns[at].Required, failed, "required is what a section cannot do without")

				surveyed, err := store.Survey(t.Context())
				require.NoError(t, err)
				for _, c := range surveyed[i].Columns {
					assert.Equal(t, c.Name != column, c.Found, c.Name)
				}
				assert.True(t, surveyed[i].Found)
			})
		}
	}
}

func hasValue(r result) bool {
	switch value := r.value.(type) {
	case []domain.Task:
		return value != nil
	case []domain.RunningJob:
		return value != nil
	case domain.StatusCounts:
		return value != nil
	case *domain.RunCosts:
		return value != nil
	default:
		return false
	}
}

func TestSurvey(t *testing.T) {
	t.Parallel()
	survey := func(t *testing.T, changes ...string) map[string]Table {
		t.Helper()
		found := map[string]Table{}
		path := newDB(t, walMode, changes...)
		requireUntouched(t, path, func() {
			tables, err := newStore(t, path).Survey(t.Context())
			require.NoError(t, err)
			for _, table := range tables {
				found[table.Name] = table
			}
		})
		return found
	}
	t.Run("as the orchestrator makes it", func(t *testing.T) {
		t.Parallel()
		found := survey(t)
		for _, name := range []string{"tasks", "jobs", "agent_runs"} {
			assert.True(t, found[name].Found && found[name].Keyed && !found[name].View, name)
		}
		assert.False(t, found["tasks"].Index.Found)
		assert.True(t, found["jobs"].Index.Found)
		assert.Nil(t, found["agent_runs"].Index)
	})
	t.Run("with the indexes that it names", func(t *testing.T) {
		t.Parallel()
		found := survey(t, "DROP INDEX idx_jobs_status", Expected()[0].Index.Statement, Expected()[1].Index.Statement)
		assert.True(t, found["tasks"].Index.Found)
		assert.True(t, found["jobs"].Index.Found)
	})
	t.Run("with indexes of no use", func(t *testing.T) {
		t.Parallel()
		found := survey(t, "DROP INDEX idx_jobs_status", "CREATE INDEX a ON jobs(agent, status)", "CREATE INDEX b ON tasks(stage) WHERE id > 9",
			"CREATE INDEX c ON jobs(status COLLATE NOCASE)")
		assert.False(t, found["tasks"].Index.Found)
		assert.False(t, found["jobs"].Index.Found)
	})
	t.Run("a view, and a table without its key", func(t *testing.T) {
		t.Parallel()
		found := survey(t, "ALTER TABLE tasks RENAME TO old", "CREATE VIEW tasks AS SELECT * FROM old",
			"DROP TABLE agent_runs", "CREATE TABLE agent_runs (id INTEGER, model TEXT)")
		assert.True(t, found["tasks"].View)
		assert.False(t, found["agent_runs"].View)
		assert.False(t, found["agent_runs"].Keyed)
	})
	t.Run("no tables", func(t *testing.T) {
		t.Parallel()
		found := survey(t, "DROP TABLE tasks", "DROP TABLE jobs", "DROP TABLE agent_runs")
		for name, table := range found {
			assert.False(t, table.Found, name)
			for _, column := range table.Columns {
				assert.False(t, column.Found)
			}
		}
	})
}
