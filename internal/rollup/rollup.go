// Package rollup keeps sums over a table that grows, so that a scrape reads what
// may have changed and not all that ever happened.
//
// The table is cut by id into blocks of about a thousand rows, which cover every
// possible id. A block is read or it is not; nothing is ever added to or taken
// out of the sums of one (floats that were added cannot be taken out again).
//
//   - Hot blocks are read at each scrape, in the scrape's own view: the newest rows,
//     and those in which something is being worked on, or was a moment ago.
//   - Of rows that wait, however old, a version is seen at each scrape. A block in
//     which one of them came, went or changed is read anew.
//   - Cold blocks are read again in turn, after the scrape, as far as a share of the time
//     allows.
//   - One that has changed all the same means that somebody edits history: then all
//     of them are read again, and until that is done the sums are in doubt.
//
// Sums may be grouped by a key that rows have. Each block holds them for each key among
// its rows, so that who reads the rows bounds how many there can be.
//
// The package knows no database: a [Table] reads the rows of a range.
package rollup

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"
)

const (
	// BlockRows is about how many rows a block has.
	BlockRows = 1024
	// HotRows is how many of the newest rows are read at each scrape, at least.
	HotRows = 2000
	// Linger is how long a block stays hot after the last time something was being
	// worked on in it, or changed, or it was among the newest: a report may come, or be
	// corrected, a while after the end.
	Linger = time.Minute

	// newRows is how many rows a block is made of as rows are added. All those behind the
	// last block are read at each scrape: there are HotRows, and fewer than these.
	newRows = BlockRows / 4
	// dense is which part of the ids of a range must be taken for a block: if it is less,
	// the block is bounded by its rows.
	dense = 1. / 4
	// maxBlock is how many rows a block may grow to before it is cut.
	maxBlock = 4 * BlockRows
	// maxFresh is how many blocks may be cut off between two scrapes to be hot for a
	// while. Of more the rows were copied from elsewhere, and not worked on.
	maxFresh = 64
)

var (
	// ErrOlder says that a newer state of the table was read before.
	ErrOlder = errors.New("read the sums: a newer state was read before")
	// ErrCounting says that the table is being summed for the first time, and that
	// the time did not suffice. The next scrape goes on from there.
	ErrCounting = errors.New("read the sums: the first count is not done")
)

// Rollup is the sums of one table. It is not safe for concurrent use.
type Rollup[S Sums[S]] struct {
	budget budget
	doubt  doubt

	sequence        uint64
	database, table string
	blocks          []block[S]
	lots            []lot[S]
	counted         bool  // the whole table was read once
	grown           bool  // some block is to be cut
	lowest          int64 // when the first block was read last
	newest          int64 // from which id on rows are hot because they are new
	next            int   // the block whose turn it is to be read again
}

// New returns a rollup that has read nothing. Of the time between two scrapes it
// spends the share, from 0 to 1, on cold blocks. The clock tells what is spent.
func New[S Sums[S]](share float64, clock func() time.Time) *Rollup[S] {
	return &Rollup[S]{budget: budget{share: share, now: clock}}
}

// Counted tells whether the first count is done.
func (r *Rollup[S]) Counted() bool { return r.counted }

// Read brings the sums up to date. Hot blocks are read from hot, all others from
// cold, which may be of a later state. With an error it has done what it could, and
// the next call goes on from there. The first count fails with [ErrCounting] where
// the time does not suffice.
func (r *Rollup[S]) Read(ctx context.Context, hot, cold Table[S], s Scrape) (Result[S], error) {
	if s.Sequence < r.sequence {
		return Result[S]{}, ErrOlder
	}
	r.sequence = s.Sequence
	r.budget.begin(s)
	r.compare(s)
	if s.Highest == nil {
		r.forget()
		r.counted = true
		return Result[S]{CountedAt: s.At}, nil
	}
	extended := r.extend(ctx, hot, cold, s)
	signatures := r.mark(s)
	if extended != nil {
		return Result[S]{}, extended
	}
	total, err := r.readHot(ctx, hot, signatures, s)
	if err != nil {
		return Result[S]{}, err
	}
	if r.grown {
		if err := r.split(ctx, cold, s); err != nil {
			return Result[S]{}, err
		}
		signatures = r.mark(s)
	}
	err = r.readInTurn(ctx, cold, signatures, s)
	if err == nil && r.doubt.since != 0 {
		err = r.readDoubtful(ctx, cold, signatures, s)
	}
	if err != nil {
		return Result[S]{}, err
	}
	total.CountedAt, total.Doubtful = s.At, r.doubt.since != 0
	r.budget.after = 0
	isOld := func(b block[S]) bool { return b.readIn != s.Sequence }
	total.Due = !total.Doubtful && slices.ContainsFunc(r.blocks, isOld) && r.budget.portion()
	r.addUp()
	for i := range r.lots {
		total.Sums = total.Sums.Add(r.lots[i].sums)
		total.Rows += r.lots[i].rows
		if r.lots[i].readAt.Before(total.CountedAt) {
			total.CountedAt = r.lots[i].readAt
		}
	}
	return total, nil
}

// compare finds out whether the table is the one that was read before.
func (r *Rollup[S]) compare(s Scrape) {
	if s.Database != r.database {
		r.database, r.table = s.Database, s.Table
		r.forget()
		return
	}
	moved := s.Table != r.table
	r.table = s.Table
	if s.Highest == nil || len(r.blocks) == 0 {
		return
	}
	hot := r.newest
	if !r.counted {
		hot = r.tail().From
	}
	switch {
	case moved, *s.Highest < hot:
		r.doubt.founded = false // this is news, whatever was found before
		r.doubt.raise(s.Sequence)
	case s.Doubtful:
		r.doubt.suspect(s)
	}
	for len(r.blocks) > 0 && r.blocks[0].upto < *s.Lowest { // pruned from below
		r.blocks = r.blocks[1:]
		r.next = max(0, r.next-1)
		if len(r.blocks) > 0 { // its range is larger now: whatever becomes of this scrape, it is read anew
			r.blocks[0].hotUntil = s.At.Add(Linger)
		}
	}
}

// forget drops all that was read.
func (r *Rollup[S]) forget() {
	r.blocks, r.next, r.counted, r.grown, r.doubt = nil, 0, false, false, doubt{}
}

// lotBlocks is how many blocks are added up together.
const lotBlocks = 64

// lot is the sums of some blocks in a row, so that a scrape adds up what was read anew,
// and not what each block has, of which there may be ten thousand.
type lot[S Sums[S]] struct {
	span   Range // of ids
	sums   S
	rows   int64
	readAt time.Time // when the oldest of them was read
}

// addUp brings the lots up to date with the blocks.
func (r *Rollup[S]) addUp() {
	lots := make([]lot[S], 0, len(r.blocks)/lotBlocks+1)
	from := int64(math.MinInt64)
	for blocks := range slices.Chunk(r.blocks, lotBlocks) {
		span := Range{from, blocks[len(blocks)-1].upto}
		if i := len(lots); i < len(r.lots) && r.lots[i].holds(span, blocks) {
			lots = append(lots, r.lots[i])
		} else {
			lots = append(lots, lotOf(span, blocks))
		}
		from = saturated(span.Upto, 1)
	}
	r.lots = lots
}

func lotOf[S Sums[S]](span Range, blocks []block[S]) lot[S] {
	l := lot[S]{span: span, readAt: blocks[0].readAt}
	for i := range blocks {
		b := &blocks[i]
		b.added = true
		l.sums = l.sums.Add(b.sums)
		l.rows += b.rows
		if b.readAt.Before(l.readAt) {
			l.readAt = b.readAt
		}
	}
	return l
}

// holds tells whether a lot is of these blocks, and none of them was read since.
func (l *lot[S]) holds(span Range, blocks []block[S]) bool {
	if l.span != span {
		return false
	}
	for i := range blocks {
		if !blocks[i].added {
			return false
		}
	}
	return true
}
