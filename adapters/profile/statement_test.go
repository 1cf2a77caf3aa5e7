package profile

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzExamine: whatever is taken, and compiles, is one statement within its parentheses,
// and returns the columns that were found in it.
func FuzzExamine(f *testing.F) {
	for _, statement := range []string{
		"SELECT a AS x, b FROM t WHERE a = 'it''s' -- c\n ORDER BY 1;",
		"WITH r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r LIMIT 3) SELECT DISTINCT n AS task_id, t.b, \"c\" AS [s] FROM r, t GROUP BY n HAVING 1 /* x */",
		"SELECT ALL CASE WHEN a IS NOT DISTINCT FROM 1 THEN ';' END AS `y`, x'00ff' AS z, 1.5e3 AS w, t.c FROM t WINDOW v AS () EXCEPT SELECT 1,2,3,4",
		"SELECT a->>'$.x' AS j, CAST(b AS TEXT) AS k, count(*) FILTER (WHERE a > 1) OVER (ORDER BY b) AS l FROM t",
		"SELECT main.t.a, (SELECT 1 FROM t LIMIT 1) AS x, replace(a, ')', '(') AS y FROM t LEFT JOIN t u USING (a) LIMIT 1 OFFSET 2",
	} {
		f.Add(statement)
	}
	db, err := sql.Open("sqlite3", "file::memory:")
	require.NoError(f, err)
	db.SetMaxOpenConns(1)
	f.Cleanup(func() { _ = db.Close() })
	_, err = db.ExecContext(context.Background(), "CREATE TABLE t(a, b, c)")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, statement string) {
		examined, columns, err := examine(statement)
		if err != nil {
			assert.NotEmpty(t, err.Error())
			return
		}
		rows, err := db.QueryContext(t.Context(), "SELECT * FROM (\n"+examined+"\n) wrapped LIMIT 0")
		if err != nil {
			return // it is not the engine's SQL, or reads what is not there
		}
		defer rows.Close()
		found, err := rows.Columns()
		require.NoError(t, err)
		for i := range found {
			found[i] = strings.ToLower(found[i])
		}
		if len(columns) == len(slices.Compact(slices.Sorted(slices.Values(columns)))) { // or else it is refused later
			assert.Equal(t, found, columns)
		}
		assert.False(t, rows.Next())
		require.NoError(t, rows.Err())
	})
}
