package sqlstore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/rollup"
)

// TestTableChangesBetweenSlices: sums are not of blocks that were read by different
// columns, nor of a table that is gone.
func TestTableChangesBetweenSlices(t *testing.T) {
	t.Parallel()
	for _, change := range []string{
		"ALTER TABLE jobs RENAME COLUMN attempts TO tries",
		"ALTER TABLE jobs RENAME TO works",
	} {
		path := newDB(t, deleteMode, script(t, "busy.sql"))
		store := newStore(t, path)
		begin := func(fn func(*queries)) {
			_, err := read(t.Context(), store, func(q *queries) (struct{}, error) { fn(q); return struct{}{}, nil })
			require.NoError(t, err)
		}
		r := &reader[jobSums]{summed: store.jobs.summed, store: store}
		begin(func(q *queries) { r.layout = q.sums["jobs"] })
		execute(t, writable(t, path), change)
		begin(func(q *queries) {
			r.q = q
			_, _, err := sliced[jobSums]{r}.Sum(t.Context(), rollup.All())
			require.ErrorIs(t, err, domain.CodeSchemaDrift, change)
		})
	}
}
