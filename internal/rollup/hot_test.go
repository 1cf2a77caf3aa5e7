package rollup_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/rollup"
)

// requireRight polls after a pause, and expects the sums to be right and not in doubt.
func (w *watched) requireRight(pause time.Duration, what string) {
	w.t.Helper()
	r, err := w.poll(pause)
	require.NoError(w.t, err, what)
	require.True(w.t, w.right(r), what)
	require.False(w.t, r.Doubtful, what)
}

// patientWatch is a rollup that never reads a cold block in turn.
func patientWatch(t *testing.T, rows int) *watched {
	t.Helper()
	m := newMemory(rows, rand.New(rand.NewPCG(uint64(rows), 20)))
	w := &watched{t: t, table: m, sums: rollup.New[figures](0, m.clock)}
	w.count()
	return w
}

// TestOldRowsAreWorkedOn: a row of long ago that is put back is exact from then on,
// also if it is never seen to run, and what follows its end comes late.
func TestOldRowsAreWorkedOn(t *testing.T) {
	t.Parallel()
	w := patientWatch(t, 100_000)
	for at := range 50 {
		r := &w.table.rows[1000*at]
		r.state = waiting
		w.requireRight(5*time.Second, "put back")
		r.state, r.value = ended, r.value+1
		w.requireRight(5*time.Second, "it ran and ended between two polls")
		r.value++
		w.requireRight(20*time.Second, "a report")
		r.state, r.value = ended, r.value+1
		w.requireRight(30*time.Second, "it was put back and ended again between two polls")
		r.value++
		w.requireRight(50*time.Second, "a report on that")
	}
}

// TestRangesAreHot: where nearly all may be unfinished, all of a range is read at each poll,
// and once more after that.
func TestRangesAreHot(t *testing.T) {
	t.Parallel()
	w := patientWatch(t, 20_000)
	change := func() {
		for i := 3000; i < 9000; i += 500 {
			w.table.rows[i].value++
		}
	}
	w.table.hot = []rollup.Range{{From: 3001, Upto: 9000}}
	for range 3 {
		w.requireRight(5*time.Second, "a range is hot")
		change()
	}
	w.table.hot = nil
	w.requireRight(time.Hour, "it was hot")
}

// TestPollsAreFarApart: a row is read at least once more after it was worked on,
// however long the pause.
func TestPollsAreFarApart(t *testing.T) {
	t.Parallel()
	w := patientWatch(t, 100_000)
	for at := range 20 {
		r := &w.table.rows[3000*at]
		r.state = running
		w.requireRight(time.Hour, "it runs")
		r.state = ended
		w.requireRight(time.Hour, "it has ended")
		r.value++
		w.requireRight(time.Hour, "a report")
	}
}

// TestManyNewRows: rows that were among the newest stay hot for a while, however many
// come after them.
func TestManyNewRows(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(21, 21))
	w := patientWatch(t, 100_000)
	for range 20 {
		last := len(w.table.rows)
		for range 5000 {
			w.table.add(random, ended)
		}
		w.table.rows[last-1000].value++ // one of the newest until now
		w.requireRight(5*time.Second, "many rows at once")
		for i := last - 1500; i < len(w.table.rows); i += 500 {
			w.table.rows[i].value++
		}
		w.requireRight(5*time.Second, "work on all of them")
	}
}

// TestCopiedRowsAreNotHot: of rows that come by the million nobody works on, and a
// scrape does not read them all again.
func TestCopiedRowsAreNotHot(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(22, 22))
	w := patientWatch(t, 10_000)
	for range 500_000 {
		w.table.add(random, ended)
	}
	w.requireRight(5*time.Second, "many rows at once")
	before := w.table.read
	w.requireRight(5*time.Second, "nothing happened")
	require.Less(t, w.table.read-before, 4*rollup.HotRows)
}

// TestWhileCounting: what happens before the first count is done is in the sums, or
// puts them in doubt.
func TestWhileCounting(t *testing.T) {
	t.Parallel()
	other := func(w *watched) {
		for i := range w.table.rows {
			w.table.rows[i].value += 7
		}
	}
	for name, change := range map[string]func(*watched){
		"pruned":        func(w *watched) { w.table.rows = w.table.rows[70_000:] },
		"a sign":        func(w *watched) { other(w); w.table.doubtful = true },
		"another place": func(w *watched) { other(w); w.table.place = "3" },
		"cut short":     func(w *watched) { w.table.rows = w.table.rows[:50_000]; other(w) },
		"another one":   func(w *watched) { other(w); w.table.database = "another" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMemory(300_000, rand.New(rand.NewPCG(23, 23)))
			w := &watched{t: t, table: m, sums: rollup.New[figures](0, m.clock)}
			w.table.limit = 20 * time.Millisecond
			_, err := w.poll(time.Second)
			require.ErrorIs(t, err, rollup.ErrCounting)
			change(w)
			for range 30 {
				r, err := w.poll(time.Second)
				w.table.doubtful = false
				if err != nil {
					require.ErrorIs(t, err, rollup.ErrCounting)
					continue
				}
				require.True(t, w.right(r) || r.Doubtful)
			}
			w.requireRight(time.Second, "in the end")
		})
	}
}

// TestSameInstant: views that began at the same instant are told apart, as those of a
// clock that is coarse or stands still.
func TestSameInstant(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(25, 25))
	w := watch(t, newMemory(50_000, random))
	w.count()
	at := w.table.now
	for i := range 30 {
		w.table.at(random, 1500, ended).value++
		w.table.doubtful = i%5 == 0 // then any row may be another one
		if w.table.doubtful {
			w.table.rows[random.IntN(len(w.table.rows))].value++
		}
		w.table.now = w.table.now.Add(3 * time.Second)
		w.scrape++
		s := w.table.scrape(w.scrape)
		s.At = at
		r, err := w.read(s)
		require.NoError(t, err)
		require.True(t, w.right(r) || r.Doubtful)
	}
}

// TestSmallPart: a small table beside a large one is read again in turn, too, however
// often it is asked for and however little the share is.
func TestSmallPart(t *testing.T) {
	t.Parallel()
	m := newMemory(20_000, rand.New(rand.NewPCG(26, 26)))
	w := &watched{t: t, table: m, sums: rollup.New[figures](0.0001, m.clock)}
	w.count()
	m.rows[500].value++
	for range 6000 {
		m.now = m.now.Add(10 * time.Millisecond)
		w.scrape++
		s := m.scrape(w.scrape)
		s.Part = 0.0001
		r, err := w.read(s)
		require.NoError(t, err)
		if w.right(r) {
			return
		}
	}
	require.Fail(t, "the change is never found")
}
