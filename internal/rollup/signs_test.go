package rollup_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/rollup"
)

// TestSigns: another table is never mixed with what was read of the one before.
func TestSigns(t *testing.T) {
	t.Parallel()
	other := func(w *watched) {
		for i := range w.table.rows {
			w.table.rows[i].value += 7
		}
	}
	for name, change := range map[string]func(*watched){
		"another database": func(w *watched) { other(w); w.table.database = "another" },
		"another place":    func(w *watched) { other(w); w.table.place = "3" },
		"a sign":           func(w *watched) { other(w); w.table.doubtful = true },
		"cut short": func(w *watched) {
			w.table.rows = w.table.rows[:len(w.table.rows)-5000]
			other(w)
		},
		"emptied and filled": func(w *watched) { w.table.rows = newMemory(50_000, rand.New(rand.NewPCG(9, 9))).rows },
		"emptied":            func(w *watched) { w.table.rows = nil },
		"pruned":             func(w *watched) { w.table.rows = w.table.rows[7777:] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watch(t, newMemory(100_000, rand.New(rand.NewPCG(7, 7))))
			w.count()
			change(w)
			r, err := w.poll(3 * time.Second)
			require.NoError(t, err)
			require.True(t, w.right(r) || r.Doubtful)
			w.table.doubtful = false
			for range 20 {
				r, err = w.poll(3 * time.Second)
				require.NoError(t, err)
				require.True(t, w.right(r) || r.Doubtful)
			}
			require.False(t, r.Doubtful)
		})
	}
}

// TestSigns_Habit: an orchestrator that gives a sign at each operation is not in
// doubt for ever, and is again once a sign has meant something.
func TestSigns_Habit(t *testing.T) {
	t.Parallel()
	w := watch(t, newMemory(500_000, rand.New(rand.NewPCG(8, 8))))
	w.count()
	w.table.doubtful = true
	doubtful := 0
	for range 200 {
		r, err := w.poll(10 * time.Second)
		require.NoError(t, err)
		require.True(t, w.right(r))
		if r.Doubtful {
			doubtful++
		}
	}
	assert.Less(t, doubtful, 50)
	r, err := w.poll(10 * time.Second)
	require.NoError(t, err)
	require.False(t, r.Doubtful)
}

// TestPruned: what is deleted from below is gone at once, and in no doubt.
func TestPruned(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{5 * time.Second, 5 * time.Millisecond} { // in the latter nothing is read in turn
		random := rand.New(rand.NewPCG(10, 10))
		w := watch(t, newMemory(150_000, random))
		w.count()
		for len(w.table.rows) > 100 {
			w.table.rows = w.table.rows[random.IntN(min(15_000, len(w.table.rows)-50)):]
			w.table.add(random, ended)
			r, err := w.poll(pause)
			require.NoError(t, err)
			require.True(t, w.right(r))
			require.False(t, r.Doubtful)
		}
	}
}

// TestPruned_PutBack: rows that were away in a scrape that failed are in the sums again.
func TestPruned_PutBack(t *testing.T) {
	t.Parallel()
	w := patientWatch(t, 100_000)
	all := w.table.rows
	w.table.rows = all[5000:]
	w.scrape++
	ended, end := context.WithCancel(t.Context())
	end()
	_, err := w.sums.Read(ended, w.table, w.table, w.table.scrape(w.scrape))
	require.ErrorIs(t, err, context.Canceled)
	w.table.rows = all
	w.requireRight(3*time.Second, "put back")
}

// TestNewestIsDeleted: that a few of the newest rows go is nothing unusual.
func TestNewestIsDeleted(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(11, 11))
	w := watch(t, newMemory(50_000, random))
	w.count()
	for range 500 {
		w.table.rows = w.table.rows[:len(w.table.rows)-1-random.IntN(3)]
		if random.IntN(2) == 0 {
			w.table.add(random, waiting)
		}
		r, err := w.poll(5 * time.Second)
		require.NoError(t, err)
		require.True(t, w.right(r))
		require.False(t, r.Doubtful)
	}
}

// TestOlderScrapeReadsNothing: what was left after a scrape is not read once there was
// another one, which is of a newer state.
func TestOlderScrapeReadsNothing(t *testing.T) {
	t.Parallel()
	w := watch(t, newMemory(100_000, rand.New(rand.NewPCG(17, 17))))
	w.count()
	for range 10 {
		w.requireRight(15*time.Second, "settled")
	}
	var older, newer rollup.Scrape
	for _, s := range []*rollup.Scrape{&older, &newer} {
		w.table.now = w.table.now.Add(15 * time.Second)
		w.scrape++
		*s = w.table.scrape(w.scrape)
		r, err := w.sums.Read(t.Context(), w.table, w.table, *s)
		require.NoError(t, err)
		require.True(t, r.Due)
	}
	before := w.table.read
	require.NoError(t, w.sums.ReadInTurn(t.Context(), w.table, older))
	assert.Equal(t, before, w.table.read)
	require.NoError(t, w.sums.ReadInTurn(t.Context(), w.table, newer))
	assert.Greater(t, w.table.read, before)
}

// TestEditedBetweenTwoBlocks: where each block is read in a later state than the one
// before it, what a scrape read before it found a change is in doubt, too.
func TestEditedBetweenTwoBlocks(t *testing.T) {
	t.Parallel()
	w := watch(t, newMemory(100_000, rand.New(rand.NewPCG(12, 12))))
	w.count()
	for range 20 {
		w.requireRight(15*time.Second, "before the change")
	}
	w.table.now = w.table.now.Add(15 * time.Second)
	w.scrape++
	s := w.table.scrape(w.scrape)
	s.Later = true
	cold := &edited{memory: w.table, after: 20}
	r, err := w.sums.Read(t.Context(), w.table, cold, s)
	require.NoError(t, err)
	require.Negative(t, cold.after, "no change was found: the test shows nothing")
	require.True(t, r.Doubtful)
	w.requireRight(time.Second, "all was read again")
}

// edited is a table of which all old rows are changed after some statements.
type edited struct {
	*memory
	after int
}

func (e *edited) Sum(ctx context.Context, r rollup.Range) (figures, int64, error) {
	if e.after == 0 {
		for i := range e.rows[:len(e.rows)-10_000] {
			e.rows[i].value++
		}
	}
	e.after--
	return e.memory.Sum(ctx, r)
}
