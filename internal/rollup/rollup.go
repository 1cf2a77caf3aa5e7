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
//   - Cold blocks are read again in turn, as far as a share of the time allows.
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

// Sums are what is known of some rows.
type Sums[S any] interface {
	// Add returns the sums of both. It may add other to the receiver, which nobody
	// else holds: who adds up many begins with the zero value.
	Add(other S) S
	// Equal tells whether they are the same.
	Equal(other S) bool
}

// Range is the rows with an id from From to Upto, both included.
type Range struct{ From, Upto int64 }

// All is every id that there can be.
func All() Range { return Range{math.MinInt64, math.MaxInt64} }

// Table reads rows of one table in one view.
type Table[S any] interface {
	// Sum returns the sums over the rows of a range, and how many there are.
	Sum(ctx context.Context, r Range) (sums S, rows int64, err error)
	// Nth returns the id of the n-th row of a range, by id ascending, 1 for the
	// first; false if there are fewer.
	Nth(ctx context.Context, r Range, n int64) (id int64, found bool, err error)
}

// Mark is a row that is not finished.
type Mark struct {
	ID int64
	// Version differs where what is summed of the row does.
	Version uint64
	// Hot is set if the row is being worked on: its block is read at each scrape.
	Hot bool
}

// Scrape is what was seen of the table in a scrape's view, and what it may cost.
type Scrape struct {
	// At is when the view began. It never falls from a scrape to the next.
	At time.Time
	// Sequence orders views by what they see.
	Sequence uint64
	// Database names the database and the table's columns: with another name, all
	// that is known is of something else. Table names the table's place within it:
	// with another name it may be another one, or a copy.
	Database, Table string
	// Doubtful is set if the database may have been replaced or put back to an
	// older state, by whatever tells.
	Doubtful bool
	// Lowest and Highest are the ids at the ends; nil without rows.
	Lowest, Highest *int64
	// Marks are all rows that are not finished.
	Marks []Mark
	// All is set to read every block anew.
	All bool
	// Later is set if the cold blocks are read from a later state than the hot ones.
	Later bool
	// Time is how long this scrape may read.
	Time time.Duration
	// Part is this table's part of the budget, from 0 to 1.
	Part float64
}

// Result is the sums over the whole table.
type Result[S any] struct {
	Sums S
	Rows int64
	// CountedAt is since when every row that nobody works on was read again.
	CountedAt time.Time
	// Doubtful is set if the sums are possibly wrong: they are being read again.
	Doubtful bool
}

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
	if err := r.readCold(ctx, cold, signatures, s); err != nil {
		return Result[S]{}, err
	}
	total.CountedAt, total.Doubtful = s.At, r.doubt.open()
	r.addUp(s.Sequence)
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
