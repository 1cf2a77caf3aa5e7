package rollup

import (
	"context"
	"math"
	"slices"
	"sort"
	"time"
)

// block is the sums of the rows up to an id, from the end of the block before.
type block[S Sums[S]] struct {
	upto     int64
	rows     int64
	sums     S
	marks    uint64    // the signature of its unfinished rows when it was read
	unmarked bool      // the signature is not known yet
	readIn   uint64    // the sequence of the scrape that read it
	readAt   time.Time // when that began
	hotUntil time.Time
	added    bool // to a lot, as it is
}

// extend cuts blocks off the rows behind the last one, until few are left there.
// The first time these are nearly all.
func (r *Rollup[S]) extend(ctx context.Context, hot, cold Table[S], s Scrape) error {
	from, before := hot, len(r.blocks)
	if !r.counted {
		from = cold
	}
	if before == 0 {
		r.lowest = *s.Lowest
	}
	for _, rows := range [...]int64{BlockRows, newRows} {
		tail := r.tail()
		tail.From = max(tail.From, *s.Lowest)
		if saturated(tail.From, HotRows+rows-1) >= *s.Highest {
			continue // there are no more ids
		}
		last, more, err := from.Nth(ctx, tail, -(HotRows + rows + 1)) // behind which a block is no longer cut off
		for ; err == nil && more && tail.From <= last; tail.From = r.tail().From {
			if !r.budget.left() {
				r.counted = false
				return ErrCounting
			}
			var made block[S]
			if made, err = readFirst(ctx, from, tail, rows, s); err == nil {
				r.blocks = append(r.blocks, made)
			}
		}
		if err != nil {
			return err
		}
	}
	if fresh := r.blocks[before:]; r.counted && len(fresh) <= maxFresh {
		for i := range fresh {
			fresh[i].hotUntil = s.At.Add(Linger)
		}
	}
	r.counted = true
	return nil
}

// readFirst reads a block of so many rows at the begin of a range that has more.
func readFirst[S Sums[S]](ctx context.Context, t Table[S], within Range, rows int64, s Scrape) (block[S], error) {
	made := block[S]{upto: min(within.Upto, saturated(within.From, rows-1)), unmarked: true, readIn: s.Sequence, readAt: s.At}
	var err error
	if made.sums, made.rows, err = t.Sum(ctx, Range{within.From, made.upto}); err != nil || float64(made.rows) >= dense*float64(rows) {
		return made, err
	}
	id, found, err := t.Nth(ctx, within, rows)
	if err != nil {
		return made, err
	}
	if made.upto = within.Upto; found {
		made.upto = id
	}
	made.sums, made.rows, err = t.Sum(ctx, Range{within.From, made.upto})
	return made, err
}

// mark keeps the blocks hot in which something is being worked on, and returns the
// signature of the unfinished rows of each block, 0 where there are none.
func (r *Rollup[S]) mark(s Scrape) []uint64 {
	signatures := make([]uint64, len(r.blocks))
	for _, m := range s.Marks {
		first := sort.Search(len(r.blocks), func(i int) bool { return r.blocks[i].upto >= m.From })
		for at := first; at < len(r.blocks) && r.span(at).From <= m.Upto; at++ { // none behind the last block
			signatures[at] += m.signature()
			if m.Hot {
				r.blocks[at].hotUntil = s.At.Add(Linger)
			}
		}
	}
	for i := range r.blocks {
		if b := &r.blocks[i]; b.unmarked {
			b.marks, b.unmarked = signatures[i], false
		}
	}
	return signatures
}

// readHot reads the rows behind the last block, which it returns the sums of, and
// the blocks that may have changed in the ordinary course of work.
func (r *Rollup[S]) readHot(ctx context.Context, t Table[S], signatures []uint64, s Scrape) (tail Result[S], err error) {
	behind := r.tail()
	if *s.Highest >= behind.From {
		if tail.Sums, tail.Rows, err = t.Sum(ctx, behind); err != nil {
			return tail, err
		}
	}
	r.newest = max(behind.From, *s.Lowest)
	above := tail.Rows
	for i := len(r.blocks) - 1; i >= 0; i-- {
		b := &r.blocks[i]
		if above < HotRows {
			r.newest = r.span(i).From
			b.hotUntil = s.At.Add(Linger)
		}
		if s.All || b.hot() || b.marks != signatures[i] || i == 0 && r.lowest != *s.Lowest {
			worked := b.marks != signatures[i]
			changed, err := r.read(ctx, t, i, signatures, s)
			if err != nil {
				return tail, err
			}
			if changed || worked {
				b.hotUntil = s.At.Add(Linger)
			}
		}
		above += b.rows
	}
	r.lowest = *s.Lowest
	return tail, nil
}

// hot tells whether a block may have changed in the ordinary course of work since it
// was read: what was hot then is read at least once more, however long ago it was.
func (b *block[S]) hot() bool { return b.hotUntil.After(b.readAt) }

// read reads a block anew, unless this scrape did already, and tells whether it has
// changed.
func (r *Rollup[S]) read(ctx context.Context, t Table[S], i int, signatures []uint64, s Scrape) (changed bool, err error) {
	b := &r.blocks[i]
	if b.readIn == s.Sequence {
		return false, nil
	}
	sums, rows, err := t.Sum(ctx, r.span(i))
	if err != nil {
		return false, err
	}
	changed = rows != b.rows || !sums.Equal(b.sums)
	b.sums, b.rows, b.marks, b.readIn, b.readAt, b.added = sums, rows, signatures[i], s.Sequence, s.At, false
	r.grown = r.grown || rows > maxBlock
	return changed, nil
}

// split cuts the blocks that have grown.
func (r *Rollup[S]) split(ctx context.Context, t Table[S], s Scrape) error {
	for i := 0; i < len(r.blocks); i++ {
		if r.blocks[i].rows <= maxBlock {
			continue
		}
		whole := r.span(i)
		rest := Range{max(whole.From, *s.Lowest), whole.Upto}
		var pieces []block[S]
		for len(pieces) == 0 || pieces[len(pieces)-1].upto < whole.Upto {
			piece, err := readFirst(ctx, t, rest, BlockRows, s)
			if err != nil {
				return err
			}
			piece.hotUntil = r.blocks[i].hotUntil
			pieces = append(pieces, piece)
			rest.From = saturated(piece.upto, 1)
		}
		r.blocks = slices.Replace(r.blocks, i, i+1, pieces...)
		i += len(pieces) - 1
	}
	r.grown = false
	return nil
}

// tail is the range behind the last block.
func (r *Rollup[S]) tail() Range {
	behind := Range{math.MinInt64, math.MaxInt64}
	if last := len(r.blocks) - 1; last >= 0 {
		behind.From = saturated(r.blocks[last].upto, 1)
	}
	return behind
}

// span is the range of a block.
func (r *Rollup[S]) span(i int) Range {
	from := int64(math.MinInt64)
	if i > 0 {
		from = r.blocks[i-1].upto + 1
	}
	return Range{from, r.blocks[i].upto}
}

// signature is a number that is another for another row, or another version of it,
// as good as always (the finalizer of SplitMix64).
func (m Mark) signature() uint64 {
	x := uint64(m.From)*0x9e3779b97f4a7c15 ^ m.Version //nolint:gosec // any bits will do
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// saturated is a + b for a b that is not negative.
func saturated(a, b int64) int64 {
	return min(a, math.MaxInt64-b) + b
}
