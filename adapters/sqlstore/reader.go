package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/internal/rollup"
)

// reader reads the rows of a table for a rollup, through a session of its own.
type reader[S rollup.Sums[S]] struct {
	sums   *sums[S]
	store  *Store
	scrape *scrape
	began  time.Time
	q      *queries // nil between sessions
	layout *layout
}

// begin waits for a session.
func (r *reader[S]) begin(ctx context.Context) error {
	session, err := r.scrape.Session(ctx)
	if err != nil {
		return err //nolint:wrapcheck // says what it could not do
	}
	r.began, r.q = time.Now(), r.store.queries(session)
	if r.layout, err = once(r.q, "sums of "+r.sums.name, r.sums.layout); err != nil {
		err = r.q.Check(err)
		r.end()
	}
	return err
}

func (r *reader[S]) end() {
	if r.q != nil {
		r.q.End()
		r.q = nil
	}
}

// Sum implements rollup.Table.
func (r *reader[S]) Sum(_ context.Context, within rollup.Range) (S, int64, error) {
	sums, rows, err := r.sum(r.layout.within, within.From, within.Upto)
	return sums, rows, r.q.Check(err) //nolint:wrapcheck // what may be torn is not kept
}

// Nth implements rollup.Table.
func (r *reader[S]) Nth(_ context.Context, within rollup.Range, n int64) (id int64, found bool, err error) {
	key := r.sums.alias + ".id"
	rows := r.q.Query("SELECT "+key+" FROM "+r.layout.within+" ORDER BY "+key+" LIMIT 1 OFFSET ?", within.From, within.Upto, n-1)
	for rows.Next() {
		rows.Scan(&id)
		found = true
	}
	return id, found, r.q.Check(rows.Close()) //nolint:wrapcheck // says what it could not do
}

// sum sums the rows of a FROM clause: in the database if each cell is as it should be,
// and else row by row.
func (r *reader[S]) sum(from string, args ...any) (sums S, count int64, err error) {
	plain := r.layout.sums != ""
	if plain {
		rows := r.q.Query("SELECT "+r.layout.sums+", count(*) FROM "+from+r.layout.groupBy, args...)
		for rows.Next() {
			part, n, fine := r.sums.scan(rows)
			sums, count, plain = sums.Add(part), count+n, plain && fine
		}
		err = rows.Close()
	}
	outOfRange := errors.Is(err, domain.CodeInvalidValue) || errors.Is(err, domain.CodeTooLarge)
	if !outOfRange && (plain || err != nil) {
		return sums, count, err
	}
	if err := r.q.Guard(true); err != nil {
		return sums, 0, err //nolint:wrapcheck // says what it could not do
	}
	var none S
	sums, count = none, 0
	rows := r.q.Query("SELECT "+r.layout.cells+" FROM "+from, args...)
	for rows.Next() {
		sums = sums.Add(r.sums.one(rows))
		count++
	}
	return sums, count, errors.Join(rows.Close(), r.q.Guard(false))
}

// sliced reads where a transaction makes the writer wait: it gives up the session
// every few milliseconds, and waits as long before it takes another.
type sliced[S rollup.Sums[S]] struct{ *reader[S] }

// Sum implements rollup.Table.
func (r sliced[S]) Sum(ctx context.Context, within rollup.Range) (sums S, rows int64, err error) {
	if err := r.slice(ctx); err != nil {
		return sums, 0, err
	}
	return r.reader.Sum(ctx, within)
}

// Nth implements rollup.Table.
func (r sliced[S]) Nth(ctx context.Context, within rollup.Range, n int64) (int64, bool, error) {
	if err := r.slice(ctx); err != nil {
		return 0, false, err
	}
	return r.reader.Nth(ctx, within, n)
}

func (r sliced[S]) slice(ctx context.Context) error {
	r.scrape.Brief()
	if r.q != nil && time.Since(r.began) < engine.Slice {
		return nil
	}
	r.end()
	pause := time.NewTimer(engine.Pause)
	defer pause.Stop()
	select {
	case <-pause.C:
		return r.begin(ctx)
	case <-ctx.Done():
		return fmt.Errorf("wait between slices: %w: %w", domain.CodeTimeout, ctx.Err())
	}
}

// addTo adds n to the sum, and tells whether the result fits 64 bits.
func addTo(sum *int64, n int64) bool {
	before := *sum
	*sum += n
	return n == 0 || (n > 0) == (*sum > before)
}
