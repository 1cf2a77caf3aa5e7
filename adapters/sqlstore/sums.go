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

func newSums[S rollup.Sums[S]](t table[S], share float64) *sums[S] {
	return &sums[S]{table: t, turn: semaphore.NewWeighted(1), rollup: rollup.New[S](share, time.Now)}
}

// total returns the sums over a whole table, which has the columns. In a scrape they
// are read once. Sums that are in doubt come with an error.
func total[S rollup.Sums[S]](
	ctx context.Context, s *Store, of *sums[S], share func(*scrape) *shared[S], required ...string,
) (rollup.Result[S], *columns, error) {
	v, done := s.viewOf(ctx)
	defer done()
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
	case errors.Is(err, domain.CodeDBBusy):
		k.rollup.Forget() // what was read may be torn
	case errors.Is(err, rollup.ErrCounting), errors.Is(err, domain.CodeTimeout) && r.columns.Keyed && !k.rollup.Counted():
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
		cold = sliced[S]{r}
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

// active are the rows that have not ended, as one view sees them.
type active struct{ jobs, runs []rollup.Mark }

// maxVersions is how many rows are looked at one by one. Of more only the ids are
// read, and their blocks are hot.
const maxVersions = 10_000

// activeRows returns the jobs that wait or run, and the runs of those that run.
func (q *queries) activeRows() (active, error) {
	jobs, err := q.columns("jobs", "j", "id", "status")
	if err != nil {
		return active{}, err
	}
	from, status, err := q.by(jobs, "status")
	if err != nil {
		return active{}, err
	}
	query := fmt.Sprintf("SELECT j.id, CASE WHEN %s = '%s' THEN coalesce(%s, 0) END, %%s FROM %s WHERE %s IN ('%s','%s') LIMIT ?",
		status, running, jobs.integer("run_id"), from, status, queued, running)
	found, err := q.marks(fmt.Sprintf(query, jobs.integer("attempts")), maxVersions+1, false)
	if err == nil && len(found.jobs) > maxVersions {
		found, err = q.marks(fmt.Sprintf(query, "NULL"), -1, true)
	}
	return found, err
}

func (q *queries) marks(query string, limit int, allHot bool) (found active, err error) {
	rows := q.Query(query, limit)
	for rows.Next() {
		id, run := rows.ID(), rows.Value() // nil for a job that waits
		version := versionOf(rows.Value()) << 1
		if run != nil {
			version++
		}
		found.jobs = append(found.jobs, rollup.Mark{ID: id, Version: version, Hot: run != nil || allHot})
		if run, ok := engine.Whole(run); ok {
			found.runs = append(found.runs, rollup.Mark{ID: run, Hot: true})
		}
	}
	return found, rows.Close()
}

// mark finds out which rows have not ended, unless the jobs cannot tell: then their
// own section says what is missing.
func (r *reader[S]) mark(seen *rollup.Scrape) error {
	if _, err := r.q.columns("jobs", "j", r.table.marked()...); err != nil {
		return unlessDrift(err)
	}
	known := r.scrape.active.Load()
	if known == nil {
		found, err := r.q.activeRows()
		if err != nil {
			return err
		}
		known = &found
		r.scrape.active.Store(known)
	}
	seen.Marks = r.table.marks(*known)
	return nil
}

// look finds out what the rollup is told of a scrape.
func (r *reader[S]) look() (rollup.Scrape, error) {
	seen := rollup.Scrape{At: r.scrape.began, All: r.store.exact, Time: time.Hour}
	state := r.q.State()
	seen.Sequence, seen.Doubtful = state.Sequence, state.Doubtful
	seen.Database = state.Database + " " + strings.Join(slices.Sorted(maps.Keys(r.columns.Columns)), ",")
	if err := r.mark(&seen); err != nil {
		return seen, err
	}
	name := r.table.name()
	rows := r.q.Query(fmt.Sprintf("SELECT (SELECT min(id) FROM %[1]s), (SELECT max(id) FROM %[1]s), %[2]s", name, r.q.Dialect().Place(name)))
	for rows.Next() {
		seen.Lowest, seen.Highest = rows.Integer(), rows.Integer()
		seen.Table = fmt.Sprint(rows.Value())
	}
	return seen, rows.Close()
}
