package tests

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/sqlstore"
)

// TestExpected_ShowsWhatIsNull: what api doctor says is null without a column is
// so, and is not with it.
func TestExpected_ShowsWhatIsNull(t *testing.T) {
	t.Parallel()
	envelope := func(t *testing.T, db string) map[string]any {
		t.Helper()
		answer := httptest.NewRecorder()
		goldenHandler(t, db, workerFile(t), nil).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
		var found map[string]any
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &found))
		return found
	}
	whole := func(t *testing.T) string { // with the column that came later, of one job
		t.Helper()
		db := newDatabase(t, "schema.sql", "busy.sql", "report.sql")
		execute(t, db, "ALTER TABLE jobs ADD COLUMN host TEXT",
			"UPDATE jobs SET host = 'elsewhere' WHERE id = (SELECT max(id) FROM jobs WHERE status = 'running')")
		return db
	}
	intact := envelope(t, whole(t))
	for _, table := range sqlstore.Expected() {
		for _, column := range table.Columns {
			t.Run(table.Name+"."+column.Name, func(t *testing.T) {
				t.Parallel()
				db := whole(t)
				execute(t, db, "ALTER TABLE "+table.Name+" RENAME COLUMN "+column.Name+" TO other")
				without := envelope(t, db)
				require.NotEmpty(t, column.Shows)
				for _, field := range column.Shows {
					assert.True(t, hasAny(intact, field), "%s is there with the column", field)
					assert.False(t, hasAny(without, field), "%s is not there without it", field)
				}
			})
		}
	}
}

// hasAny tells whether a field such as agents[].pid is not null somewhere, or a
// list not empty.
func hasAny(value any, field string) bool {
	if field == "" {
		list, isList := value.([]any)
		return value != nil && (!isList || len(list) > 0)
	}
	name, rest, _ := strings.Cut(field, ".")
	key, each := strings.CutSuffix(name, "[]")
	object, _ := value.(map[string]any)
	if !each {
		return hasAny(object[key], rest)
	}
	list, _ := object[key].([]any)
	for _, entry := range list {
		if hasAny(entry, rest) {
			return true
		}
	}
	return false
}
