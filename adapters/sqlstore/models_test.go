package sqlstore

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// TestModels_TooMany: more models than are told apart cost what is told by model, and
// nothing else, for as long as there are so many and no longer.
func TestModels_TooMany(t *testing.T) {
	t.Parallel()
	const rows = 6000
	w := watch(t, rows, 4)
	require.NoError(t, w.poll().err)
	until := func(model string, well func(told) bool) {
		t.Helper()
		w.do("UPDATE agent_runs SET model = %s WHERE id <= %d", model, rows/2)
		for range 100 {
			w.pause(1, func() {})
			if got := w.poll(); well(got) {
				return
			}
		}
		require.Fail(t, "it is never told")
	}
	for range 2 { // what was beyond, and what was known, is forgotten
		until("'model-' || id", func(got told) bool {
			return errors.Is(got.err, domain.CodeTooMany) && !errors.Is(got.err, domain.CodeRecounting) && got.lines[2] == w.sums()[3]
		})
		until("'another-' || id % 3", func(got told) bool { return got.err == nil && w.right(got) })
	}
}
