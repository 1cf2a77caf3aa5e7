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

// sums keeps the sums of one table from a scrape to the next.
type sums[S rollup.Sums[S]] struct {
	table table[S]
	turn  *semaphore.Weighted // of 1: a lock that a context can give up waiting for
	rows  atomic.Int64        // as the last scrape found them

	// For who has the turn:
	rollup *rollup.Rollup[S]
}

// shared is what the readings of one scrape share, for who has the turn of the sums.
type shared[S any] struct {
	done    bool
	result  rollup.Result[S]
	columns *columns
	err     error
}

func newSums[S rollup.Sums[S]](t table[S], share float64, clock func() time.Time) *sums[S] {
	return &sums[S]{table: t, turn: semaphore.NewWeighted(1), rollup: rollup.New[S](share, clock)}
}

// total returns the sums over a whole table, which has the columns. In a scrape they
// are read once. Sums that are in doubt come with an error.
func total[S rollup.Sums[S]](
	ctx context.Context, s *Store, of *sums[S], share func(*scrape) *shared[S], required ...string,
) (rollup.Result[S], *columns, error) {
	v, done := s.viewOf(ctx)
	defer done()
	// The connection comes first: an engine has few of them, and those who have one must
	// not wait for who waits for one.
	if err := v.Open(ctx); err != nil {
		return rollup.Result[S]{}, nil, err //nolint:wrapcheck // says what it could not do
	}
	if err := of.turn.Acquire(ctx, 1); err != nil {
		return rollup.Result[S]{}, nil, fmt.Errorf("wait for the sums: %w: %w", domain.CodeTimeout, err)
	}
	defer of.turn.Release(1)
	known := share(v)
	if !known.done {
		*known = of.read(ctx, s, v)
	} else if err := v.Ended(); err != nil {
		return rollup.Result[S]{}, nil, err //nolint:wrapcheck // says what it could not do
	}
	for _, name := range required {
		if known.columns != nil && !known.columns.Columns[name] {
			return rollup.Result[S]{}, nil, missing(of.table.name(), name)
		}
	}
	return known.result, known.columns, known.err
}

// read reads the sums in a view. The caller has the turn.
func (k *sums[S]) read(ctx context.Context, s *Store, v *scrape) (known shared[S]) {
	known.done = true
	r := &reader[S]{store: s, scrape: v, table: k.table}
	defer r.end()
	if known.err = r.begin(ctx); known.err != nil {
		return known
	}
	known.columns = r.columns
	known.result, known.err = k.readThrough(ctx, r)
	known.err = r.check(known.err)
	switch err := known.err; {
	case errors.Is(err, rollup.ErrCounting), errors.Is(err, domain.CodeTimeout) && known.columns.Keyed && !k.rollup.Counted():
		known.err = fmt.Errorf("%w: %w", domain.CodeCounting, err)
	case err == nil && known.result.Doubtful:
		known.err = fmt.Errorf("sum %s: rows that had ended have changed: %w", k.table.name(), domain.CodeRecounting)
	}
	return known
}

func (k *sums[S]) readThrough(ctx context.Context, r *reader[S]) (rollup.Result[S], error) {
	if !r.columns.Keyed {
		return r.whole(ctx)
	}
	seen, err := r.look()
	if errors.Is(err, engine.ErrCellTooLarge) {
		if err = r.q.Guard(true); err == nil {
			seen, err = r.look()
		}
		err = errors.Join(err, r.q.Guard(false))
	}
	if err != nil {
		return rollup.Result[S]{}, err
	}
	seen.Part = k.part(r.store)
	if deadline, ok := r.q.Context().Deadline(); ok {
		const most = 0.8 // what is begun in time must end in time
		seen.Time = time.Duration(most * float64(time.Until(deadline)))
	}
	var cold rollup.Table[S] = r
	if r.q.State().Blocking {
		cold, seen.Later = sliced[S]{r}, true
	}
	result, err := k.rollup.Read(ctx, r, cold, seen)
	if errors.Is(err, rollup.ErrOlder) {
		return r.whole(ctx)
	}
	k.rows.Store(k.rollup.Rows())
	return result, err
}

// part is the table's part of all rows that sums are kept of.
func (k *sums[S]) part(s *Store) float64 {
	const atLeast = 1000
	mine, all := k.rows.Load()+atLeast, s.jobs.rows.Load()+s.runs.rows.Load()+2*atLeast
	return float64(mine) / float64(all)
}

// look finds out what the rollup is told of a scrape.
func (r *reader[S]) look() (rollup.Scrape, error) {
	seen := rollup.Scrape{At: r.scrape.began, All: r.store.exact, Time: time.Hour}
	state := r.q.State()
	seen.Sequence, seen.Doubtful = state.Sequence, state.Doubtful
	seen.Database = state.Database + " " + strings.Join(slices.Sorted(maps.Keys(r.columns.Columns)), ",")
	unfinished, err := r.active()
	if err != nil {
		return seen, err
	}
	seen.Marks = r.table.marks(unfinished)
	name := r.table.name()
	rows := r.q.Query(fmt.Sprintf("SELECT (SELECT min(id) FROM %[1]s), (SELECT max(id) FROM %[1]s), %[2]s", name, r.q.Dialect().Place(name)))
	for rows.Next() {
		seen.Lowest, seen.Highest = rows.Integer(), rows.Integer()
		seen.Table = fmt.Sprint(rows.Value())
	}
	return seen, r.check(rows.Close())
}
