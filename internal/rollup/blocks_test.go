package rollup_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/rollup"
)

// TestOddIds: ids that are far apart, negative, or at the ends of what there can be.
func TestOddIds(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(12, 12))
	for name, id := range map[string]func(i int) int64{
		"sparse":   func(i int) int64 { return int64(i) * 1_000_003 },
		"negative": func(i int) int64 { return int64(i) - 30_000 },
		"two heaps": func(i int) int64 {
			if i < 5000 {
				return math.MinInt64 + int64(i)
			}
			return math.MaxInt64 - 60_000 + int64(i)
		},
		"all over": func(i int) int64 { return math.MinInt64 + int64(i)*(math.MaxInt64/20_000) },
	} {
		m := newMemory(20_000, random)
		for i := range m.rows {
			m.rows[i].id = id(i)
		}
		w := watch(t, m)
		w.count()
		for range 50 {
			if r := m.at(random, 1500, ended, waiting); r != nil {
				r.state, r.value = waiting, r.value+1
			}
			r, err := w.poll(4 * time.Second)
			require.NoError(t, err, name)
			require.True(t, w.right(r), name)
			require.False(t, r.Doubtful, name)
		}
	}
}

// TestBlocksGrow: a table that fills up between its rows is still cut into blocks
// of a bounded size.
func TestBlocksGrow(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(13, 13))
	m := newMemory(5000, random)
	for i := range m.rows {
		m.rows[i].id *= 1000
	}
	w := watch(t, m)
	w.count()
	var grown []row
	for _, r := range m.rows {
		for i := range 20 {
			grown = append(grown, row{id: r.id + int64(i), state: r.state, value: int64(i)})
		}
	}
	m.rows = grown
	for range 50 {
		r, err := w.poll(5 * time.Second)
		require.NoError(t, err)
		require.True(t, w.right(r) || r.Doubtful)
	}
	for range 20 { // until nothing is saved up
		_, err := w.poll(time.Millisecond)
		require.NoError(t, err)
	}
	before := m.read
	_, err := w.poll(time.Millisecond)
	require.NoError(t, err)
	assert.Less(t, m.read-before, 4*rollup.HotRows, "blocks are too large")
}

// TestOlderView: sums never go back to an older state.
func TestOlderView(t *testing.T) {
	t.Parallel()
	w := watch(t, newMemory(5000, rand.New(rand.NewPCG(14, 14))))
	w.count()
	_, err := w.sums.Read(t.Context(), w.table, w.table, w.table.scrape(w.scrape-1))
	require.ErrorIs(t, err, rollup.ErrOlder)
}

// TestHotWorkIsFlat: what a scrape reads does not follow the size of the table.
func TestHotWorkIsFlat(t *testing.T) {
	t.Parallel()
	read := func(rows int) int {
		w := watch(t, newMemory(rows, rand.New(rand.NewPCG(15, 15))))
		w.count()
		for range 20 { // until nothing is saved up
			_, err := w.poll(time.Millisecond)
			require.NoError(t, err)
		}
		before := w.table.read
		_, err := w.poll(time.Millisecond)
		require.NoError(t, err)
		return w.table.read - before
	}
	for _, rows := range []int{10_000, 10_200, 10_700, 1_000_000} {
		hot := read(rows)
		assert.GreaterOrEqual(t, hot, rollup.HotRows)
		assert.LessOrEqual(t, hot, rollup.HotRows+rollup.BlockRows/4)
	}
}

// TestSmallBlocksAreMerged: rows that are added are read in small blocks at first, and
// with the rest of history once nobody works on them: there are not ever more blocks.
func TestSmallBlocksAreMerged(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(16, 16))
	w := watch(t, newMemory(5000, random))
	w.count()
	const added = 40
	for range added {
		for range rollup.BlockRows / 4 {
			w.table.add(random, ended)
		}
		w.requireRight(time.Second, "added")
	}
	blocks := func() (statements int) {
		scrape := w.table.scrape(w.scrape + 1)
		scrape.All = true
		w.scrape++
		counting := &counted{memory: w.table}
		r, err := w.sums.Read(t.Context(), counting, w.table, scrape)
		require.NoError(t, err)
		require.True(t, w.right(r))
		return counting.sums
	}
	before := blocks()
	require.Greater(t, before, added-10)
	for range 200 {
		w.requireRight(15*time.Second, "later")
	}
	rows := len(w.table.rows) - rollup.HotRows
	assert.LessOrEqual(t, blocks(), before-added/2)
	assert.LessOrEqual(t, blocks(), rollup.HotRows*4/rollup.BlockRows+rows*2/rollup.BlockRows)
	w.table.at(random, len(w.table.rows)-1, ended).value++ // what was merged is watched as before
	doubted := false
	for range 20 {
		r, err := w.poll(15 * time.Second)
		require.NoError(t, err)
		doubted = doubted || r.Doubtful
		require.True(t, !doubted || w.right(r) || r.Doubtful)
	}
	r, err := w.poll(15 * time.Second)
	require.NoError(t, err)
	assert.True(t, w.right(r))
}

// counted counts the sums that are asked for.
type counted struct {
	*memory

	sums int
}

func (c *counted) Sum(ctx context.Context, r rollup.Range) (figures, int64, error) {
	c.sums++
	return c.memory.Sum(ctx, r)
}
