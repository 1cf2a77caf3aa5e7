package rollup_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"github.com/orchmetrics/orchmetrics/internal/rollup"
)

// What the rows of the tests' table may be.
const (
	ended = iota
	waiting
	running
	states
)

// keys is how many a row may have; another value mostly has another one.
const keys = 7

// row is a row of a table in memory.
type row struct {
	id    int64
	state int
	value int64
}

// figures are the sums of rows, in a form that shows each kind of mistake.
type figures struct {
	counts [states]int64
	values [keys]int64 // by the key of the rows
}

func (f figures) Add(other figures) figures {
	for i, n := range other.counts {
		f.counts[i] += n
	}
	for i, n := range other.values {
		f.values[i] += n
	}
	return f
}

func (f figures) Equal(other figures) bool { return f == other }

func sumOf(rows []row) (f figures) {
	for _, r := range rows {
		f.counts[r.state]++
		f.values[r.value%keys] += r.value
	}
	return f
}

// memory is a table in memory, by id ascending, on whose clock each statement and
// each row takes a fixed time.
type memory struct {
	rows     []row
	now      time.Time
	read     int // rows so far
	database string
	place    string
	doubtful bool
	limit    time.Duration // of a scrape
	hot      []rollup.Range
}

const (
	perStatement = 30 * time.Microsecond
	perRow       = 150 * time.Nanosecond
)

func newMemory(rows int, random *rand.Rand) *memory {
	m := &memory{now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), database: "one", place: "2", limit: time.Second}
	for i := range rows {
		m.rows = append(m.rows, row{id: int64(i + 1), value: random.Int64N(1000)})
	}
	return m
}

func (m *memory) clock() time.Time { return m.now }

func (m *memory) between(r rollup.Range) []row {
	from := sort.Search(len(m.rows), func(i int) bool { return m.rows[i].id >= r.From })
	upto := sort.Search(len(m.rows), func(i int) bool { return m.rows[i].id > r.Upto })
	return m.rows[from:max(from, upto)]
}

// Sum implements rollup.Table.
func (m *memory) Sum(ctx context.Context, r rollup.Range) (figures, int64, error) {
	found := m.between(r)
	m.read += len(found)
	m.now = m.now.Add(perStatement + time.Duration(len(found))*perRow)
	return sumOf(found), int64(len(found)), ctx.Err()
}

// Nth implements rollup.Table.
func (m *memory) Nth(ctx context.Context, r rollup.Range, n int64) (int64, bool, error) {
	found := m.between(r)
	m.now = m.now.Add(perStatement)
	at := n - 1
	if n < 0 {
		at = int64(len(found)) + n
	}
	if at < 0 || at >= int64(len(found)) {
		return 0, false, ctx.Err()
	}
	return found[at].id, true, ctx.Err()
}

// scrape is what a store would see of the table.
func (m *memory) scrape(sequence uint64) rollup.Scrape {
	s := rollup.Scrape{
		At: m.now, Sequence: sequence, Database: m.database, Table: m.place, Doubtful: m.doubtful, Time: m.limit, Part: 1,
	}
	if len(m.rows) > 0 {
		s.Lowest, s.Highest = new(m.rows[0].id), new(m.rows[len(m.rows)-1].id)
	}
	for _, r := range m.rows {
		if r.state != ended {
			s.Marks = append(s.Marks, rollup.Mark{Range: rollup.Range{From: r.id, Upto: r.id}, Version: uint64(r.value), Hot: r.state == running})
		}
	}
	for _, r := range m.hot {
		s.Marks = append(s.Marks, rollup.Mark{Range: r, Hot: true})
	}
	return s
}

// at is a random row of those in a state, the newest ones or any; nil if there is none.
func (m *memory) at(random *rand.Rand, newest int, states ...int) *row {
	from := max(0, len(m.rows)-newest)
	for range 50 {
		if from == len(m.rows) {
			return nil
		}
		if r := &m.rows[from+random.IntN(len(m.rows)-from)]; slices.Contains(states, r.state) {
			return r
		}
	}
	for i := range m.rows[from:] {
		if r := &m.rows[from+i]; slices.Contains(states, r.state) {
			return r
		}
	}
	return nil
}

func (m *memory) add(random *rand.Rand, state int) {
	id := int64(1)
	if len(m.rows) > 0 {
		id = m.rows[len(m.rows)-1].id + 1
	}
	m.rows = append(m.rows, row{id: id, state: state, value: random.Int64N(1000)})
}
