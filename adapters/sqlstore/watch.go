package sqlstore

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

// The part of a ledger that is about rows on their own.

const (
	// idsPerQuery bounds a list of ids within a statement.
	idsPerQuery = 500
	// newPerQuery is how many new ids are looked at row by row at most. More than
	// that are summed as a block.
	newPerQuery = 16
	// never is the condition for no row, noIDs the query for the id of none.
	never = "0"
	noIDs = "SELECT NULL AS id, 0 AS active WHERE 0"
	// listedIDs is the query for the ids of a list. As a parameter they take no time
	// to compile.
	listedIDs = "SELECT value AS id, 0 AS active FROM json_each(?)"
)

// looked is up to which id the new rows are looked at one by one. The first time
// there are too many.
func (l *ledger[S]) looked() int64 {
	high, ids := l.high(), min(newPerQuery, l.room())
	switch {
	case len(l.blocks) == 0:
		return noID
	case high > math.MaxInt64-ids:
		return math.MaxInt64
	default:
		return high + ids
	}
}

// look reads the rows that matter at each update: those that are active, watched or
// new, and the highest id of all. One statement tells it all, since to compile one
// takes longer than to run it. It gives SQLite each id, which leaves no choice to read
// the whole table instead. Of very many watched rows only the active ones are among
// them.
func (l *ledger[S]) look(ses *session, upto int64) (top *int64, found map[int64]single[S], err error) {
	active, err := l.table.active(ses)
	if err != nil {
		return nil, nil, err
	}
	var ids []int64
	if len(l.watched) <= idsPerQuery {
		ids = slices.Sorted(maps.Keys(l.watched))
	}
	for id := l.high(); len(l.blocks) > 0 && id < upto; {
		id++
		ids = append(ids, id)
	}
	top, found, err = readEach(ses, l.table, active+" UNION ALL "+listedIDs, listOf(ids))
	if _, lowest := found[noID]; lowest && err == nil {
		err = fmt.Errorf("look at %s: the lowest id there can be is taken: %w", l.table.name(), errUnsuited)
	}
	return top, found, err
}

// revisit brings the watched rows up to date, and watches those again that are
// active though they were thought settled. One that is neither settled nor active
// is watched as long as its id is above the oldest: some never end.
func (l *ledger[S]) revisit(ses *session, found map[int64]single[S], oldest int64) error {
	var quiet, reopened []int64
	for id := range l.watched {
		if _, ok := found[id]; !ok {
			quiet = append(quiet, id)
		}
	}
	for ids := range slices.Chunk(quiet, idsPerQuery) {
		_, rest, err := readEach(ses, l.table, listedIDs, listOf(ids))
		if err != nil {
			return err
		}
		maps.Copy(found, rest)
	}
	for id := range l.watched {
		row := found[id] // of no sums if it is gone
		l.change(id, row.sums)
		if !row.watched(id, oldest) {
			delete(l.watched, id)
		}
	}
	for id, row := range found {
		if _, known := l.watched[id]; row.active && !known && len(l.blocks) > 0 && id <= l.high() {
			reopened = append(reopened, id)
		}
	}
	return l.reopen(ses, reopened, found)
}

// watched tells whether the row has to be looked at again.
func (r single[S]) watched(id, oldest int64) bool { return r.active || r.unsettled && id > oldest }

// reopen watches settled rows again. What they last added is not known, so their
// blocks are read anew, when all else in them is up to date.
func (l *ledger[S]) reopen(ses *session, ids []int64, found map[int64]single[S]) error {
	slices.Sort(ids)
	read := -1
	for _, id := range ids {
		if at := l.blockOf(id); at != read {
			if err := l.recount(ses, at); err != nil {
				return err
			}
			read = at
		}
		l.watched[id] = found[id].sums
	}
	return nil
}

// change puts a watched row's present sums in the place of its last ones.
func (l *ledger[S]) change(id int64, sums S) {
	b := &l.blocks[l.blockOf(id)]
	l.table.merge(&b.sums, l.watched[id], -1)
	l.table.merge(&b.sums, sums, 1)
	l.watched[id] = sums
}

// take takes in those of the rows whose ids are above after and not above upto.
func (l *ledger[S]) take(found map[int64]single[S], after, upto, oldest int64) {
	var fresh block[S]
	for _, id := range slices.Sorted(maps.Keys(found)) {
		if id <= after || id > upto {
			continue
		}
		row := found[id]
		fresh.last = id
		fresh.rows++
		l.table.merge(&fresh.sums, row.sums, 1)
		if row.watched(id, oldest) {
			l.watched[id] = row.sums
		}
	}
	if fresh.rows > 0 {
		l.add(fresh)
	}
}

// listOf is the parameter of listedIDs.
func listOf(ids []int64) string {
	list := make([]byte, 0, 2+len(ids)*9)
	list = append(list, '[')
	for i, id := range ids {
		if i > 0 {
			list = append(list, ',')
		}
		list = strconv.AppendInt(list, id, 10)
	}
	return string(append(list, ']'))
}
