package sqlstore

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// TestOtherShapesOfTheSchema: the tables need not be as the orchestrator made
// them when this was written.
func TestOtherShapesOfTheSchema(t *testing.T) {
	t.Parallel()
	original := newDB(t, walMode, script(t, "busy.sql"))
	want := results(t, newStore(t, original))
	shapes := map[string]func(t *testing.T) []string{
		"columns in another order": func(*testing.T) []string {
			return rebuilt(func(columns []string) []string {
				reversed := []string{}
				for _, column := range columns {
					reversed = append([]string{column}, reversed...)
				}
				return reversed
			})
		},
		"more columns and tables": func(*testing.T) []string {
			return []string{
				"ALTER TABLE tasks ADD COLUMN payload BLOB; ALTER TABLE jobs ADD COLUMN \"select\" TEXT; ALTER TABLE agent_runs ADD COLUMN \"a b\"",
				"CREATE TABLE other (id); CREATE VIEW others AS SELECT * FROM nowhere; CREATE TRIGGER t AFTER INSERT ON other BEGIN SELECT 1; END",
			}
		},
		"generated columns": func(*testing.T) []string {
			return []string{
				"ALTER TABLE jobs RENAME COLUMN agent TO agent_name",
				"ALTER TABLE jobs ADD COLUMN agent TEXT GENERATED ALWAYS AS (agent_name) VIRTUAL",
			}
		},
		"views instead of tables": func(*testing.T) []string {
			statements := []string{}
			for _, table := range []string{"tasks", "jobs", "agent_runs"} {
				statements = append(statements, "ALTER TABLE "+table+" RENAME TO real_"+table,
					"CREATE VIEW "+table+" AS SELECT * FROM real_"+table+" ORDER BY random()")
			}
			return statements
		},
		"upper-case names": func(*testing.T) []string {
			return rebuilt(func(columns []string) []string {
				for i := range columns {
					columns[i] = strings.ToUpper(columns[i])
				}
				return columns
			})
		},
		"no index": func(*testing.T) []string { return []string{"DROP INDEX idx_jobs_status"} },
		"an index on the stage": func(*testing.T) []string {
			return []string{"CREATE INDEX other ON tasks (stage)", "ANALYZE"}
		},
		"without rowid": func(t *testing.T) []string { return remade(t, `\n\);`, "\n) WITHOUT ROWID;") },
		"strict":        func(t *testing.T) []string { return remade(t, `\n\);`, "\n) STRICT;") },
		"no types":      func(t *testing.T) []string { return remade(t, regexp.QuoteMeta(" ")+"(INTEGER|TEXT|REAL)\\b", " ") },
	}
	for name, change := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newDB(t, walMode, append([]string{script(t, "busy.sql")}, change(t)...)...)
			got := results(t, newStore(t, path))
			requireOthersEqual(t, want, got)
		})
	}
	t.Run("UTF-16", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "orch.db")
		createDB(t, path, walMode, "PRAGMA encoding = 'UTF-16le'", script(t, "schema.sql"), script(t, "busy.sql"))
		requireOthersEqual(t, want, results(t, newStore(t, path)))
	})
}

// columnsOf are the columns that the sources read.
func columnsOf() map[string][]string {
	return map[string][]string{
		"tasks": {"id", "work_item_id", "repo", "stage", "updated_at"},
		"jobs":  {"id", "repo", "agent", "status", "attempts", "run_id", "pid", "started_at", "task_id"},
		"agent_runs": {
			"id", "model", "effort", "cost_usd", "input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens",
		},
	}
}

// rebuilt replaces each table by one whose columns are arranged anew.
func rebuilt(arrange func([]string) []string) []string {
	statements := []string{}
	for table, columns := range columnsOf() {
		list := strings.Join(arrange(columns), ", ")
		statements = append(statements, "ALTER TABLE "+table+" RENAME TO real_"+table,
			"CREATE TABLE "+strings.ToUpper(table)+" AS SELECT "+list+" FROM real_"+table, "DROP TABLE real_"+table)
	}
	return statements
}

// remade makes the tables again with something replaced in the schema.
func remade(t *testing.T, old, replacement string) []string {
	t.Helper()
	schema := regexp.MustCompile(old).ReplaceAllString(script(t, "schema.sql"), replacement)
	statements := []string{"DROP INDEX idx_jobs_status"}
	for table := range columnsOf() {
		statements = append(statements, "ALTER TABLE "+table+" RENAME TO real_"+table)
	}
	statements = append(statements, schema)
	for table, columns := range columnsOf() {
		list := strings.Join(columns, ", ")
		statements = append(statements, "INSERT INTO "+table+" ("+list+") SELECT "+list+" FROM real_"+table)
	}
	return statements
}

// TestBrokenView: a view over a table that was renamed is drift, not corruption.
func TestBrokenView(t *testing.T) {
	t.Parallel()
	want := results(t, newStore(t, newDB(t, walMode, script(t, "busy.sql"))))
	got := results(t, newStore(t, newDB(t, walMode, script(t, "busy.sql"), "DROP TABLE tasks", "CREATE VIEW tasks AS SELECT id, stage FROM nowhere")))
	require.ErrorIs(t, got["stages"].err, domain.CodeSchemaDrift)
	want = withoutTickets(want)
	requireOthersEqual(t, want, got, "stages", "agents")
	require.ErrorIs(t, got["agents"].err, domain.CodeSchemaDrift, "tickets that cannot be known are not shown as right")
	require.Equal(t, want["agents"].value, got["agents"].value)

	got = results(t, newStore(t, newDB(t, walMode, script(t, "busy.sql"), "ALTER TABLE tasks RENAME TO real_tasks",
		"CREATE VIEW tasks AS SELECT id, stage, other FROM real_tasks")))
	require.ErrorIs(t, got["stages"].err, domain.CodeSchemaDrift)
	assert.Empty(t, got["stages"].value)
}
