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

// summed says how the rows of a table are summed: in the database, and one by one where
// some cell is out of the ordinary, or the types of the columns have no such sums. One
// bad cell never costs the others.
type summed[S any] struct {
	name, alias string // of the table in a query
	// plain are the expressions of sums over rows, in groups or all at once; "" for none.
	// group reads them; not plain are rows among which some cell is out of the ordinary.
	plain func(*columns) (sums, groupBy string)
	group func(*engine.Rows) (sums S, rows int64, plain bool)
	// cells are the expressions of one row, and row reads its sums.
	cells func(*columns) string
	row   func(*engine.Rows) S
}

// layout is how the rows of a table are summed, as its columns are.
type layout struct {
	*columns

	err   error // why they are not
	drift error // that goes with sums without the columns that are missing
	// names are those of all columns, so that other ones are noticed.
	names                string
	sums, groupBy, cells string
	within, ends         string // the FROM clause for the rows of a range of ids, and where the table lies
}

func layoutOf[S any](s *statements, t summed[S]) *layout {
	found, err := s.columns(t.name, t.alias)
	if err != nil {
		return &layout{columns: found, err: err}
	}
	l := &layout{columns: found, names: strings.Join(slices.Sorted(maps.Keys(found.Columns)), ",")}
	l.sums, l.groupBy = t.plain(found)
	found.guarded = true
	l.cells = t.cells(found)
	l.drift = found.drift()
	from, where := t.name+" "+t.alias, "CAST(? AS bigint) <= CAST(? AS bigint)" // without a key it is all rows
	if found.Keyed {
		from, where = s.dialect.Range(t.name, t.alias)
	}
	l.within = from + " WHERE " + where
	l.ends = fmt.Sprintf("SELECT (SELECT min(id) FROM %[1]s), (SELECT max(id) FROM %[1]s), %[2]s", t.name, s.dialect.Place(t.name))
	return l
}

// sums keeps the sums of one table from a scrape to the next.
type sums[S rollup.Sums[S]] struct {
	summed[S]

	turn *semaphore.Weighted // of 1: a lock that a context can give up waiting for
	rows atomic.Int64        // as the last scrape found them

	// For who has the turn:
	rollup   *rollup.Rollup[S]
	panicked error // while old rows were read after a scrape: the next one tells it
}

func newSums[S rollup.Sums[S]](t summed[S], opts Options) *sums[S] {
	return &sums[S]{summed: t, turn: semaphore.NewWeighted(1), rollup: rollup.New[S](opts.Recount, opts.now)}
}

// shared is what the readings of one scrape share, for who has the turn of the sums.
type shared[S any] struct {
	done   bool
	seen   rollup.Scrape
	result rollup.Result[S]
	layout *layout
	err    error
}

// total returns the sums over a whole table, which has the columns. In a scrape they
// are read once. Sums that are in doubt come with an error.
func (k *sums[S]) total(ctx context.Context, s *Store, v *scrape, known *shared[S], required ...string) (rollup.Result[S], *layout, error) {
	var none rollup.Result[S]
	// The connection comes first: an engine has few of them, and those who have one must
	// not wait for who waits for one.
	if err := v.Open(ctx); err != nil {
		return none, nil, err //nolint:wrapcheck // says what it could not do
	}
	if err := k.turn.Acquire(ctx, 1); err != nil {
		return none, nil, fmt.Errorf("wait for the sums: %w: %w", domain.CodeTimeout, err)
	}
	defer k.turn.Release(1)
	if !known.done {
		known.done = true
		known.result, known.err = read(ctx, s, func(q *queries) (rollup.Result[S], error) {
			known.layout = q.sums[k.name]
			return k.read(ctx, s, v, q, known)
		})
		if known.result.Due {
			v.due.Store(true)
		}
	}
	if known.layout == nil || known.layout.err != nil {
		return none, nil, known.err
	}
	for _, name := range required {
		if !known.layout.Columns[name] {
			return none, nil, missing(k.name, name)
		}
	}
	return known.result, known.layout, known.err
}

// read brings the sums up to date. The caller has the turn.
func (k *sums[S]) read(ctx context.Context, s *Store, v *scrape, q *queries, known *shared[S]) (result rollup.Result[S], err error) {
	r := &reader[S]{summed: k.summed, store: s, q: q, layout: q.sums[k.name]}
	keyed := r.layout.Keyed // as it was when the reading began
	if r.layout.err != nil {
		return result, r.layout.err
	}
	if keyed {
		if known.seen, err = k.look(s, v, q); err == nil {
			result, err = k.rollup.Read(ctx, r, sliced[S]{r}, known.seen)
		}
		if err == nil {
			k.rows.Store(result.Rows)
			err, k.panicked = k.panicked, nil
		}
	}
	if !keyed || errors.Is(err, rollup.ErrOlder) { // all rows, without keeping anything
		result.CountedAt = v.began
		result.Sums, result.Rows, err = r.Sum(ctx, rollup.All())
	}
	switch {
	case errors.Is(err, rollup.ErrCounting), errors.Is(err, domain.CodeTimeout) && keyed && !k.rollup.Counted():
		err = fmt.Errorf("%w: %w", domain.CodeCounting, err)
	case err == nil && result.Doubtful:
		err = fmt.Errorf("sum %s: rows that had ended have changed: %w", k.name, domain.CodeRecounting)
	}
	return result, err
}

// look finds out what the rollup is told of a scrape.
func (k *sums[S]) look(s *Store, v *scrape, q *queries) (seen rollup.Scrape, err error) {
	if v.active == nil && (k.name == "jobs" || q.active.runs) {
		if v.active, err = q.readActive(); err != nil {
			return seen, err
		}
	}
	const atLeast = 1000 // rows, so that a small table has its part of the budget, too
	seen = rollup.Scrape{
		At: v.began, Sequence: q.State.Sequence, Doubtful: q.State.Doubtful, All: s.opts.Exact, Later: q.State.Blocking, Time: time.Hour,
		Database: q.State.Database + " " + q.sums[k.name].names,
		Marks:    v.active[k.name],
		Part:     float64(k.rows.Load()+atLeast) / float64(s.jobs.rows.Load()+s.runs.rows.Load()+2*atLeast),
	}
	if deadline, ok := q.Context.Deadline(); ok {
		const most = 0.8 // what is begun in time must end in time
		seen.Time = time.Duration(most * float64(time.Until(deadline)))
	}
	rows := q.Query(q.sums[k.name].ends)
	for rows.Next() {
		var place any
		rows.Scan(&seen.Lowest, &seen.Highest, &place)
		seen.Table = fmt.Sprint(place)
	}
	if err = rows.Close(); err == nil && len(v.active["jobs"]) > maxVersions && seen.Highest != nil {
		seen.Marks, err = q.readMany(v, k.name, rollup.Range{From: *seen.Lowest, Upto: *seen.Highest})
	}
	return seen, err //nolint:wrapcheck // says what it could not do
}

// reader reads the rows of a table for a rollup.
type reader[S rollup.Sums[S]] struct {
	summed[S]

	store  *Store
	q      *queries
	layout *layout
}

// Sum implements rollup.Table: in the database if each cell is as it should be, and else
// row by row.
func (r *reader[S]) Sum(_ context.Context, within rollup.Range) (sums S, count int64, err error) {
	plain := r.layout.sums != ""
	if plain {
		rows := r.q.Query("SELECT "+r.layout.sums+", count(*) FROM "+r.layout.within+r.layout.groupBy, within.From, within.Upto)
		for rows.Next() {
			part, n, fine := r.group(rows)
			sums, count, plain = sums.Add(part), count+n, plain && fine
		}
		err = r.q.Check(rows.Close()) // what may be torn is not kept
	}
	outOfRange := errors.Is(err, domain.CodeInvalidValue) || errors.Is(err, domain.CodeTooLarge)
	if !outOfRange && (plain || err != nil) {
		return sums, count, err //nolint:wrapcheck // says what it could not do
	}
	guarded := r.q.Guarded
	if err := r.q.Guard(true); err != nil {
		return sums, 0, err //nolint:wrapcheck // says what it could not do
	}
	var none S
	sums, count = none, 0
	rows := r.q.Query("SELECT "+r.layout.cells+" FROM "+r.layout.within, within.From, within.Upto)
	for rows.Next() {
		sums = sums.Add(r.row(rows))
		count++
	}
	return sums, count, r.q.Check(errors.Join(rows.Close(), r.q.Guard(guarded))) //nolint:wrapcheck // says what it could not do
}

// Nth implements rollup.Table.
func (r *reader[S]) Nth(_ context.Context, within rollup.Range, n int64) (id int64, found bool, err error) {
	key, order := r.alias+".id", ""
	if n < 0 {
		order, n = " DESC", -n
	}
	rows := r.q.Query("SELECT "+key+" FROM "+r.layout.within+" ORDER BY "+key+order+" LIMIT 1 OFFSET ?", within.From, within.Upto, n-1)
	for rows.Next() {
		rows.Scan(&id)
		found = true
	}
	return id, found, r.q.Check(rows.Close()) //nolint:wrapcheck // says what it could not do
}

// sliced reads where a transaction makes the writer wait: it lets go of the database
// every few milliseconds, and goes on in a later state.
type sliced[S rollup.Sums[S]] struct{ *reader[S] }

// Sum implements rollup.Table.
func (r sliced[S]) Sum(ctx context.Context, within rollup.Range) (sums S, rows int64, err error) {
	if err := r.yield(ctx); err != nil {
		return sums, 0, err
	}
	return r.reader.Sum(ctx, within)
}

// Nth implements rollup.Table.
func (r sliced[S]) Nth(ctx context.Context, within rollup.Range, n int64) (int64, bool, error) {
	if err := r.yield(ctx); err != nil {
		return 0, false, err
	}
	return r.reader.Nth(ctx, within, n)
}

func (r sliced[S]) yield(ctx context.Context) error {
	if !r.q.State.Blocking {
		return nil
	}
	if err := r.q.Yield(ctx); err != nil {
		return err //nolint:wrapcheck // says what it could not do
	}
	before := r.layout
	r.q.statements = r.store.statements(r.q.Session)
	r.layout = r.q.sums[r.name]
	if r.layout.err == nil && (r.layout.names != before.names || r.layout.Keyed != before.Keyed) {
		return fmt.Errorf("sum %s: its columns changed meanwhile: %w", r.name, domain.CodeSchemaDrift)
	}
	return r.layout.err
}
