package rollup

import (
	"math"
	"slices"
	"time"
)

// lotBlocks is how many blocks are added up together.
const lotBlocks = 64

// lot is the sums of some blocks in a row, so that a scrape adds up what was read anew,
// and not what each block has, of which there may be ten thousand.
type lot[S Sums[S]] struct {
	span   Range // of ids
	sums   S
	rows   int64
	readIn uint64    // the sequence of the scrape that added them up
	readAt time.Time // when the oldest of them was read
}

// addUp brings the lots up to date with the blocks.
func (r *Rollup[S]) addUp(sequence uint64) {
	lots := make([]lot[S], 0, len(r.blocks)/lotBlocks+1)
	from := int64(math.MinInt64)
	for blocks := range slices.Chunk(r.blocks, lotBlocks) {
		span := Range{from, blocks[len(blocks)-1].upto}
		if i := len(lots); i < len(r.lots) && r.lots[i].holds(span, blocks) {
			lots = append(lots, r.lots[i])
		} else {
			lots = append(lots, lotOf(span, blocks, sequence))
		}
		from = saturated(span.Upto, 1)
	}
	r.lots = lots
}

func lotOf[S Sums[S]](span Range, blocks []block[S], sequence uint64) lot[S] {
	l := lot[S]{span: span, readIn: sequence, readAt: blocks[0].readAt}
	for i := range blocks {
		l.sums = l.sums.Add(blocks[i].sums)
		l.rows += blocks[i].rows
		if blocks[i].readAt.Before(l.readAt) {
			l.readAt = blocks[i].readAt
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
		if blocks[i].readIn > l.readIn {
			return false
		}
	}
	return true
}
