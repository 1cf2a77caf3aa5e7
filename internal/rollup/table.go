package rollup

import (
	"context"
	"math"
	"time"
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
	// first and -1 for the last; false if there are fewer.
	Nth(ctx context.Context, r Range, n int64) (id int64, found bool, err error)
}

// Mark is a row that is not finished, or a range in which nearly all may be so.
type Mark struct {
	Range
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
	// Marks are where all rows are that are not finished.
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
	// Due is set if old blocks may be read again now: see [Rollup.ReadInTurn].
	Due bool
}
