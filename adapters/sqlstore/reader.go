package sqlstore

import (
	"context"
	"errors"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/rollup"
)

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
	key := r.alias + ".id"
	rows := r.q.Query("SELECT "+key+" FROM "+r.layout.within+" ORDER BY "+key+" LIMIT 1 OFFSET ?", within.From, within.Upto, n-1)
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
	if err := r.q.Yield(ctx); err != nil {
		return err //nolint:wrapcheck // says what it could not do
	}
	r.q.statements = r.store.statements(r.q.Session)
	r.layout = r.q.sums[r.name]
	return r.layout.err
}

// addTo adds n to the sum, and tells whether the result fits 64 bits.
func addTo(sum *int64, n int64) bool {
	before := *sum
	*sum += n
	return n == 0 || (n > 0) == (*sum > before)
}
