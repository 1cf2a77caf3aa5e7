package sqlstore

import (
	"errors"
	"fmt"
	"math"
	"sort"
)

const (
	// blockRows is how many rows a block is filled with.
	blockRows = 4096
	// lookBack is how many of the newest ids are watched though nothing works on
	// their rows: a run's report may be parsed a while after its job has ended.
	lookBack = 1024
	// noID is below every id.
	noID = math.MinInt64
	// inRange is the condition for the rows of a block.
	inRange = "id > ? AND id <= ?"
)

var (
	// errCutShort says that a table is not the one whose sums are kept.
	errCutShort = errors.New("the last rows of the table are gone")
	// errUnsuited says that a table's sums cannot be kept in a small space.
	errUnsuited = errors.New("the table does not suit a ledger")
)

// ledger keeps the sums of a table that mostly grows, so that a scrape reads
// what changed and not all that ever happened. Rows are taken in by ascending
// id, in blocks whose sums are kept. A row that may still change is watched: it
// is read again at each update, and the difference goes into its block. What
// changes behind the ledger's back (a settled row edited or deleted) is found
// when its block is recounted.
type ledger[S any] struct {
	table   table[S]
	fill    int64 // how many rows a block is filled with at most
	sparse  bool  // most ids are not taken
	blocks  []block[S]
	watched map[int64]S // what each row that is watched last added
}

// block is a run of rows, or a single one.
type block[S any] struct {
	// last is the highest id; a block of a ledger begins above the last id of the
	// block before it.
	last int64
	rows int64
	// unsettled is the number of rows that may still change though nothing works
	// on them.
	unsettled int64
	sums      S
}

// single is a row on its own.
type single[S any] struct {
	active    bool // it is being worked on
	unsettled bool // it may change all the same
	sums      S
}

// table is what differs between the tables that have a ledger.
type table[S any] interface {
	// name and alias are those of the table in a query.
	name() string
	alias() string
	// active is a query of the ids of rows that are being worked on, each with a 1;
	// unsettled is the condition for rows that may change all the same.
	active(ses *session) (string, error)
	unsettled(ses *session) string
	// merge adds other sums to the sums, or takes them out with the sign -1.
	merge(sums *S, other S, sign int64)
	// bulky tells whether sums take more space than is worth keeping.
	bulky(sums S) bool

	// cells are the expressions of one row by which one reads its sums. One bad
	// cell never costs the others.
	cells(ses *session) ([]string, error)
	one(row *cells) S
	// plain is the query of plain sums over the rows of a condition, scan reads
	// its row. What is out of the ordinary shows in it, and is then read by odd.
	plain(ses *session, where string) (string, error)
	scan(row *cells) (b block[S], plain bool)
	odd(ses *session, where string, args ...any) (S, error)
}

func newLedger[S any](t table[S], fill int64) *ledger[S] {
	return &ledger[S]{table: t, fill: fill, watched: map[int64]S{}}
}

// total adds up all blocks.
func (l *ledger[S]) total() S {
	var total S
	for _, b := range l.blocks {
		l.table.merge(&total, b.sums, 1)
	}
	return total
}

// high is the highest id that was taken in.
func (l *ledger[S]) high() int64 {
	if len(l.blocks) == 0 {
		return noID
	}
	return l.blocks[len(l.blocks)-1].last
}

// update takes in what changed since the last time. If it fails on the way, what
// it has done so far counts, and the next update goes on from there.
func (l *ledger[S]) update(ses *session) error {
	high, upto := l.high(), l.looked()
	top, found, err := l.look(ses, upto)
	switch {
	case err != nil:
		return err
	case top == nil && len(l.blocks) == 0:
		return nil
	case top == nil, *top < high:
		return fmt.Errorf("update sums of %s: %w", l.table.name(), errCutShort)
	}
	oldest := saturatedSub(*top, lookBack)
	if err := l.revisit(ses, found, oldest); err != nil {
		return err
	}
	l.take(found, high, upto, oldest)
	return l.extend(ses, *top, found)
}

// recount reads a block anew, and watches those of its rows that may change, as if
// it were taken in now. The watched rows must be up to date.
func (l *ledger[S]) recount(ses *session, at int) error {
	after := int64(noID)
	if at > 0 {
		after = l.blocks[at-1].last
	}
	fresh, err := sumAll(ses, l.table, inRange, after, l.blocks[at].last)
	if err != nil {
		return err
	}
	fresh.last = l.blocks[at].last // its last rows may be gone, its bound stays
	watch, err := l.unsettled(ses, fresh, max(after, saturatedSub(l.high(), lookBack)))
	if err != nil {
		return err
	}
	for id, row := range watch {
		l.watched[id] = row.sums
	}
	l.blocks[at] = fresh
	return nil
}

// read sums the first rows with an id above after and not above upto. A range has
// no more rows than ids: where most ids are taken it needs no LIMIT, which costs a
// fifth more.
func (l *ledger[S]) read(ses *session, after, upto, limit int64) (block[S], error) {
	if !l.sparse && after > noID && saturatedSub(upto, limit) > after {
		dense, err := sumAll(ses, l.table, inRange, after, after+limit)
		if err != nil || dense.rows > limit/2 {
			return dense, err
		}
		l.sparse = true
	}
	return sumAll(ses, l.table, inRange+" ORDER BY id LIMIT ?", after, upto, limit)
}

// extend takes in the rows above the highest that is known, block by block.
func (l *ledger[S]) extend(ses *session, top int64, found map[int64]single[S]) error {
	for l.high() < top {
		after := l.high()
		fresh, err := l.read(ses, after, top, l.room())
		if err != nil {
			return err
		}
		if fresh.rows == 0 || fresh.last <= after || l.table.bulky(fresh.sums) {
			return fmt.Errorf("extend sums of %s: %w", l.table.name(), errUnsuited)
		}
		watch, err := l.unsettled(ses, fresh, max(after, saturatedSub(top, lookBack)))
		if err != nil {
			return err
		}
		l.add(fresh)
		for id, row := range found {
			if row.active && id > after && id <= fresh.last {
				l.watched[id] = row.sums
			}
		}
		for id, row := range watch {
			l.watched[id] = row.sums
		}
	}
	return nil
}

// room is how many rows the last block has room for, or a new one if it is full.
func (l *ledger[S]) room() int64 {
	if l.full() {
		return l.fill
	}
	return l.fill - l.blocks[len(l.blocks)-1].rows
}

// full tells whether the next rows make a new block. More than half is full: to
// top blocks up would take more queries than it saves blocks.
func (l *ledger[S]) full() bool {
	tail := len(l.blocks) - 1
	return tail < 0 || l.blocks[tail].rows > l.fill/2
}

// add puts fresh rows into the last block, or makes a new one of them.
func (l *ledger[S]) add(fresh block[S]) {
	if l.full() {
		l.blocks = append(l.blocks, fresh)
		return
	}
	tail := len(l.blocks) - 1
	l.blocks[tail].last = fresh.last
	l.blocks[tail].rows += fresh.rows
	l.table.merge(&l.blocks[tail].sums, fresh.sums, 1)
}

// unsettled reads the rows of a fresh block, those above after, that may change
// though nothing works on them.
func (l *ledger[S]) unsettled(ses *session, fresh block[S], after int64) (map[int64]single[S], error) {
	if fresh.unsettled == 0 || after >= fresh.last {
		return map[int64]single[S]{}, nil
	}
	_, rows, err := readEach(ses, l.table, fmt.Sprintf("SELECT id, 0 AS active FROM %s %s WHERE %s AND %s", l.table.name(), l.table.alias(),
		inRange, l.table.unsettled(ses)), after, fresh.last)
	return rows, err
}

func (l *ledger[S]) blockOf(id int64) int {
	return sort.Search(len(l.blocks), func(i int) bool { return l.blocks[i].last >= id })
}

// saturatedSub is a - b for a b that is not negative, but no lower than noID.
func saturatedSub(a, b int64) int64 {
	return max(a, noID+b) - b
}
