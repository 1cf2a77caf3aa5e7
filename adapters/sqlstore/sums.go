package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/internal/rollup"
)

// summed is what differs between the tables that sums are kept of.
type summed[S any] struct {
	name, alias string // of the table in a query
	of          func(*scrape) *shared[S]
	// plain are the expressions of sums over rows, in groups or all at once, and scan
	// reads them. It is false for rows among which some cell is out of the ordinary:
	// then all are read one by one, as they are where the types of the columns have no
	// such sums. cells are the expressions of one row, and one reads its sums. One bad
	// cell never costs the others.
	plain func(*columns) (sums []string, groupBy string)
	scan  func(*engine.Rows) (sums S, rows int64, plain bool)
	cells func(*columns) []string
	one   func(*engine.Rows) S
}

// sums keeps the sums of one table from a scrape to the next.
type sums[S rollup.Sums[S]] struct {
	summed[S]

	turn *semaphore.Weighted // of 1: a lock that a context can give up waiting for
	rows atomic.Int64        // as the last scrape found them

	// For who has the turn:
	rollup *rollup.Rollup[S]
}

// layout is how the rows of a table are summed, as its columns are.
type layout struct {
	*columns

	names string // of all columns
	// cells are those of one row, and sums the expressions of plain; "" if there are none.
	// within is the FROM clause for the rows of a range, and ends tells where the table lies.
	cells, sums, groupBy, within, ends string
}

// shared is what the readings of one scrape share, for who has the turn of the sums.
type shared[S any] struct {
	done   bool
	result rollup.Result[S]
	layout *layout
	err    error
}

func (k *sums[S]) layout(q *queries) (*layout, error) {
	found, err := q.columns(k.name, k.alias)
	if err != nil {
		return nil, err
	}
	l := &layout{columns: found, names: strings.Join(slices.Sorted(maps.Keys(found.Columns)), ",")}
	sums, groupBy := k.plain(found)
	l.sums, l.groupBy = strings.Join(sums, ", "), groupBy
	found.guarded = true
	l.cells = strings.Join(k.cells(found), ", ")
	from, where := found.dialect.Range(k.name, k.alias)
	l.within = from + " WHERE " + where
	l.ends = fmt.Sprintf("SELECT (SELECT min(id) FROM %[1]s), (SELECT max(id) FROM %[1]s), %[2]s", k.name, found.dialect.Place(k.name))
	return l, nil
}

func newSums[S rollup.Sums[S]](t summed[S], share float64, clock func() time.Time) *sums[S] {
	return &sums[S]{summed: t, turn: semaphore.NewWeighted(1), rollup: rollup.New[S](share, clock)}
}

// total returns the sums over a whole table, which has the columns. In a scrape they
// are read once. Sums that are in doubt come with an error.
func (k *sums[S]) total(ctx context.Context, s *Store, required ...string) (rollup.Result[S], *layout, error) {
	v, done := s.viewOf(ctx)
	defer done()
	// The connection comes first: an engine has few of them, and those who have one must
	// not wait for who waits for one.
	if err := v.Open(ctx); err != nil {
		return rollup.Result[S]{}, nil, err //nolint:wrapcheck // says what it could not do
	}
	if err := k.turn.Acquire(ctx, 1); err != nil {
		return rollup.Result[S]{}, nil, fmt.Errorf("wait for the sums: %w: %w", domain.CodeTimeout, err)
	}
	defer k.turn.Release(1)
	known := k.of(v)
	if !known.done {
		k.read(ctx, s, v, known)
	} else if err := v.Ended(); err != nil {
		return rollup.Result[S]{}, nil, err //nolint:wrapcheck // says what it could not do
	}
	for _, name := range required {
		if known.layout != nil && !known.layout.Columns[name] {
			return rollup.Result[S]{}, nil, missing(k.name, name)
		}
	}
	return known.result, known.layout, known.err
}

// read reads the sums in a view. The caller has the turn.
func (k *sums[S]) read(ctx context.Context, s *Store, v *scrape, known *shared[S]) {
	known.done = true
	r := &reader[S]{sums: k, store: s, scrape: v}
	if known.err = r.begin(ctx); known.err != nil {
		return
	}
	defer r.end()
	known.layout = r.layout
	if r.layout.Keyed {
		known.result, known.err = k.readBlocks(ctx, r)
	}
	if !r.layout.Keyed || errors.Is(known.err, rollup.ErrOlder) { // all rows, without keeping anything
		known.result = rollup.Result[S]{CountedAt: v.began}
		known.result.Sums, known.result.Rows, known.err = r.sum(k.name + " " + k.alias + " WHERE 1 = 1")
	}
	if r.q != nil {
		known.err = r.q.Check(known.err)
	}
	switch err := known.err; {
	case errors.Is(err, rollup.ErrCounting), errors.Is(err, domain.CodeTimeout) && r.layout.Keyed && !k.rollup.Counted():
		known.err = fmt.Errorf("%w: %w", domain.CodeCounting, err)
	case err == nil && known.result.Doubtful:
		known.err = fmt.Errorf("sum %s: rows that had ended have changed: %w", k.name, domain.CodeRecounting)
	}
}

// readBlocks brings the blocks up to date.
func (k *sums[S]) readBlocks(ctx context.Context, r *reader[S]) (rollup.Result[S], error) {
	seen, err := r.look()
	if errors.Is(err, domain.CodeTooLarge) {
		if err = r.q.Guard(true); err == nil {
			seen, err = r.look()
		}
		err = errors.Join(err, r.q.Guard(false))
	}
	if err != nil {
		return rollup.Result[S]{}, err
	}
	const atLeast = 1000 // rows, so that a small table has its part of the budget, too
	seen.Part = float64(k.rows.Load()+atLeast) / float64(r.store.jobs.rows.Load()+r.store.runs.rows.Load()+2*atLeast)
	if deadline, ok := r.q.Context.Deadline(); ok {
		const most = 0.8 // what is begun in time must end in time
		seen.Time = time.Duration(most * float64(time.Until(deadline)))
	}
	var cold rollup.Table[S] = r
	if r.q.State.Blocking {
		cold, seen.Later = sliced[S]{r}, true
	}
	result, err := k.rollup.Read(ctx, r, cold, seen)
	k.rows.Store(k.rollup.Rows())
	return result, err //nolint:wrapcheck // says what it could not do
}

// look finds out what the rollup is told of a scrape.
func (r *reader[S]) look() (seen rollup.Scrape, err error) {
	state, name := r.q.State, r.sums.name
	if r.scrape.active == nil {
		if r.scrape.active, err = r.q.active(name); err != nil {
			return seen, err
		}
	}
	seen = rollup.Scrape{
		At: r.scrape.began, Sequence: state.Sequence, Doubtful: state.Doubtful, All: r.store.exact, Time: time.Hour,
		Database: state.Database + " " + r.layout.names,
		Marks:    r.scrape.active[name],
	}
	rows := r.q.Query(r.layout.ends)
	for rows.Next() {
		var place any
		rows.Scan(&seen.Lowest, &seen.Highest, &place)
		seen.Table = fmt.Sprint(place)
	}
	return seen, r.q.Check(rows.Close()) //nolint:wrapcheck // says what it could not do
}
