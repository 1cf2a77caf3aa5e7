package rollup_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/rollup"
)

const share = 0.01

// watched is a rollup over a table and the scrapes of it so far.
type watched struct {
	t      *testing.T
	table  *memory
	sums   *rollup.Rollup[figures]
	scrape uint64
}

func watch(t *testing.T, table *memory) *watched {
	t.Helper()
	return &watched{t: t, table: table, sums: rollup.New[figures](share, table.clock)}
}

// poll scrapes once after a pause.
func (w *watched) poll(pause time.Duration) (rollup.Result[figures], error) {
	w.table.now = w.table.now.Add(pause)
	w.scrape++
	return w.read(w.table.scrape(w.scrape))
}

// read scrapes, and then reads old rows again if any are due.
func (w *watched) read(s rollup.Scrape) (rollup.Result[figures], error) {
	r, err := w.sums.Read(w.t.Context(), w.table, w.table, s)
	if err == nil && r.Due {
		require.NoError(w.t, w.sums.ReadInTurn(w.t.Context(), w.table, s))
	}
	return r, err
}

// count polls until all is counted.
func (w *watched) count() {
	w.t.Helper()
	for range 1000 {
		if _, err := w.poll(time.Second); err == nil {
			return
		}
	}
	require.Fail(w.t, "the first count is never done")
}

// right tells whether the result is that of a direct sum.
func (w *watched) right(r rollup.Result[figures]) bool {
	return r.Sums == sumOf(w.table.rows) && r.Rows == int64(len(w.table.rows))
}

// polls is how many polls the long versions of these tests make; few by default.
func polls(t *testing.T, few int) int {
	t.Helper()
	if many, err := strconv.Atoi(os.Getenv("ORCHMETRICS_MODEL_POLLS")); err == nil {
		return many
	}
	return few
}

// work is what an orchestrator does: on rows that are new, that wait or run, or
// that did a moment ago, and in any order.
func work(m *memory, random *rand.Rand, recent map[int64]time.Time) {
	change := func(r *row, state int) {
		if r == nil {
			return
		}
		r.state = state
		r.value += random.Int64N(100)
		recent[r.id] = m.now
	}
	switch random.IntN(8) {
	case 0, 1:
		m.add(random, waiting)
	case 2:
		change(m.at(random, math.MaxInt, waiting), running)
	case 3:
		change(m.at(random, math.MaxInt, running), ended)
	case 4:
		change(m.at(random, math.MaxInt, running, waiting), waiting) // started and put back
	case 5:
		change(m.at(random, 1500, ended), ended) // a report comes, or is corrected
	case 6:
		change(m.at(random, 1500, ended), waiting) // put back
	case 7: // what ended less than a minute ago ends again, gets its report, or is put back
		for id, at := range recent {
			if rows := m.between(rollup.Range{From: id, Upto: id}); len(rows) == 1 && m.now.Sub(at) < 20*time.Second && rows[0].state == ended {
				change(&rows[0], []int{ended, waiting}[random.IntN(2)])
				return
			}
		}
	}
}

// TestWork: whatever an orchestrator does between two polls, in any order, the
// sums are right and not in doubt.
func TestWork(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{0, 1000, 20_000} {
		t.Run(strconv.Itoa(rows), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(uint64(rows), 1))
			w := watch(t, newMemory(rows, random))
			for range min(rows, 200) { // some wait, however old
				w.table.at(random, math.MaxInt, ended).state = waiting
			}
			w.count()
			recent := map[int64]time.Time{}
			for i := range polls(t, 400) {
				for range random.IntN(40) {
					work(w.table, random, recent)
				}
				r, err := w.poll(3*time.Second + time.Duration(random.IntN(12_000))*time.Millisecond)
				require.NoError(t, err)
				require.True(t, w.right(r), "poll %d: %+v, not %+v", i, r.Sums, sumOf(w.table.rows))
				require.False(t, r.Doubtful, "poll %d", i)
			}
		})
	}
}

// TestWork_AllOfASmallTable: what is small is read anew each time, whatever was
// changed and by whom.
func TestWork_AllOfASmallTable(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 3))
	w := watch(t, newMemory(1000, random))
	w.count()
	for range polls(t, 300) {
		for range random.IntN(30) {
			if r := w.table.at(random, math.MaxInt, ended, waiting, running); r != nil {
				r.state, r.value = random.IntN(states), random.Int64N(1000)
			}
			if len(w.table.rows) > 500 && random.IntN(3) == 0 {
				at := random.IntN(len(w.table.rows))
				w.table.rows = append(w.table.rows[:at], w.table.rows[at+1:]...)
			}
		}
		r, err := w.poll(5 * time.Second)
		require.NoError(t, err)
		require.True(t, w.right(r))
		require.False(t, r.Doubtful)
		require.True(t, w.table.scrape(0).At.After(r.CountedAt))
	}
}

// rotation is after how many polls each cold block was read again.
func rotation(rows int, pause time.Duration) int {
	pass := time.Duration(rows)*perRow + time.Duration(rows/rollup.BlockRows+1)*perStatement
	portion := min(50*time.Millisecond, time.Duration(share*float64(pause)))
	return int((pass+portion-1)/portion) + 1
}

// TestHistoryIsEdited: an old row that is changed unseen is found within one
// rotation; until then recounted_at is from before the change, and from then on all
// is right or in doubt.
func TestHistoryIsEdited(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{20_000, 300_000} {
		for _, pause := range []time.Duration{3 * time.Second, 15 * time.Second} {
			t.Run(fmt.Sprint(rows, " ", pause), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(uint64(rows), uint64(pause)))
				w := watch(t, newMemory(rows, random))
				w.count()
				recent := map[int64]time.Time{}
				for range polls(t, 60) / 10 {
					edited := &w.table.rows[random.IntN(len(w.table.rows)-10_000)]
					edited.value += 1 + random.Int64N(1000)
					changed := w.table.now
					found := false
					for i := range 3 * rotation(rows, pause) {
						work(w.table, random, recent)
						r, err := w.poll(pause)
						require.NoError(t, err)
						found = found || w.right(r) || r.Doubtful
						if !found {
							require.Less(t, i+1, rotation(rows, pause), "the change is not found within a rotation")
							require.False(t, r.CountedAt.After(changed), "recounted_at is later than a change that is not in the sums")
							continue
						}
						require.True(t, w.right(r) || r.Doubtful, "it was found, and is forgotten again")
					}
				}
			})
		}
	}
}

// TestManyRowsAreEdited: who edits much is found out in the next scrape, which
// reads everything again if it has the time.
func TestManyRowsAreEdited(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 5))
	w := watch(t, newMemory(100_000, random))
	w.count()
	for range 5 {
		for i := range w.table.rows {
			w.table.rows[i].value++
		}
		r, err := w.poll(3 * time.Second)
		require.NoError(t, err)
		require.True(t, w.right(r))
		require.False(t, r.Doubtful, "all was read again")
	}
	// Of a large table that takes several scrapes, which say so.
	large := watch(t, newMemory(1_000_000, random))
	large.table.limit = 50 * time.Millisecond
	large.count()
	for i := range large.table.rows {
		large.table.rows[i].value++
	}
	doubtful := 0
	for {
		r, err := large.poll(3 * time.Second)
		require.NoError(t, err)
		require.True(t, large.right(r) || r.Doubtful)
		if !r.Doubtful {
			break
		}
		doubtful++
		require.Less(t, doubtful, 100, "the doubt never ends")
	}
	assert.Positive(t, doubtful)
}

// TestDoubtIsBounded: reading again takes at most a tenth of a core.
func TestDoubtIsBounded(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(6, 6))
	w := watch(t, newMemory(500_000, random))
	w.count()
	_, err := w.poll(time.Minute)
	require.NoError(t, err)
	var spent time.Duration
	began := w.table.now
	for w.table.now.Sub(began) < 5*time.Minute {
		for i := range w.table.rows {
			w.table.rows[i].value++
		}
		before := w.table.now.Add(time.Second)
		_, err = w.poll(time.Second)
		require.NoError(t, err)
		spent += w.table.now.Sub(before)
	}
	took := w.table.now.Sub(began)
	assert.Less(t, spent.Seconds(), 6+0.13*took.Seconds())
	assert.Greater(t, spent.Seconds(), 0.05*took.Seconds(), "nothing was read again")
}
