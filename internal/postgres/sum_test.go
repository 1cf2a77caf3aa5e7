package postgres

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

// TestSum: of floating-point numbers a sum is that in the order of the ids, wherever the
// rows lie; of decimal numbers it is exact, and nothing is sorted for it.
func TestSum(t *testing.T) {
	t.Parallel()
	schema := postgrestest.NewSchema(t)
	e := newEngine(t, schema.Reader())
	postgrestest.Exec(t, schema.Writer(t), "CREATE TABLE decimals (id bigint, part numeric(30, 1), other numeric)", "CREATE TABLE floats (id bigint, part float8)",
		"INSERT INTO decimals VALUES (3, -1e16, 0.3), (1, 1e16, 0.1), (2, 1, 0.2)", "INSERT INTO floats SELECT id, part FROM decimals",
		"GRANT SELECT ON ALL TABLES IN SCHEMA "+schema.Name+" TO metrics")
	v := engine.NewView(t.Context(), e)
	defer v.End()
	s, err := v.Session(t.Context())
	require.NoError(t, err)
	defer s.End()
	sum := func(table, column string) (statement string, sum any) {
		found, err := s.Dialect().Table(s, table)
		require.NoError(t, err)
		statement = "SELECT " + s.Dialect().Sum(engine.Column{Name: table + "." + column, Type: found.Types[column]}, table+".id") + " FROM " + table
		rows := s.Query(statement)
		for rows.Next() {
			rows.Scan(&sum)
		}
		require.NoError(t, rows.Close())
		return statement, sum
	}
	statement, total := sum("decimals", "part")
	assert.Equal(t, 1.0, total) //nolint:testifylint // it is exact
	assert.NotContains(t, statement, "ORDER BY")
	_, total = sum("floats", "part")
	assert.Equal(t, 0.0, total, "1e16 + 1 is 1e16") //nolint:testifylint // the same
	_, total = sum("decimals", "other")
	assert.Equal(t, 0.6, total) //nolint:testifylint // 0.1 + 0.2 + 0.3 of floating-point numbers is not
}
