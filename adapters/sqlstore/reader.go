package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/internal/rollup"
)

// table is what differs between the tables that sums are kept of.
type table[S any] interface {
	// name and alias are those of the table in a query.
	name() string
	alias() string
	// marks are those of its rows that have not ended.
	marks(active) []rollup.Mark
	// plain are the expressions of sums over rows, in groups or all at once, and scan
	// reads them. It is false for rows among which some cell is out of the ordinary:
	// then all are read one by one. cells are the expressions of one row, and one reads
	// its sums. One bad cell never costs the others. There are no expressions of sums
	// where the columns are of such types that rows can only be read one by one.
	plain(c *columns) (sums []string, groupBy string)
	scan(row *engine.Rows) (sums S, rows int64, plain bool)
	cells(c *columns) []string
	one(row *engine.Rows) S
}

// reader reads the rows of a table for a rollup, through a session of its own.
type reader[S rollup.Sums[S]] struct {
	store   *Store
	scrape  *scrape
	table   table[S]
	began   time.Time
	q       *queries // nil between sessions
	columns *columns
}

// begin waits for a session.
func (r *reader[S]) begin(ctx context.Context) error {
	session, err := r.scrape.Session(ctx)
	if err != nil {
		return err //nolint:wrapcheck // says what it could not do
	}
	r.began, r.q = time.Now(), r.store.queries(session)
	r.columns, err = r.q.columns(r.table.name(), r.table.alias())
	return r.check(err)
}

// check adds the code to an error, and tells whether what was read counts.
func (r *reader[S]) check(err error) error {
	if r.q == nil {
		return err
	}
	return r.q.Check(err) //nolint:wrapcheck // says what it could not do
}

func (r *reader[S]) end() {
	if r.q != nil {
		r.q.End()
		r.q = nil
	}
}

// whole sums all rows without keeping anything.
func (r *reader[S]) whole(ctx context.Context) (result rollup.Result[S], err error) {
	result.Sums, result.Rows, err = r.sum(ctx, r.table.name()+" "+r.table.alias()+" WHERE 1 = 1")
	result.CountedAt = r.scrape.began
	return result, err
}

// Sum implements rollup.Table.
func (r *reader[S]) Sum(ctx context.Context, within rollup.Range) (S, int64, error) {
	from, where := r.q.Dialect().Range(r.table.name(), r.table.alias())
	sums, rows, err := r.sum(ctx, from+" WHERE "+where, within.From, within.Upto)
	return sums, rows, r.check(err) // what may be torn is not kept
}

// Nth implements rollup.Table.
func (r *reader[S]) Nth(_ context.Context, within rollup.Range, n int64) (id int64, found bool, err error) {
	from, where := r.q.Dialect().Range(r.table.name(), r.table.alias())
	rows := r.q.Query("SELECT "+r.table.alias()+".id FROM "+from+" WHERE "+where+" ORDER BY "+r.table.alias()+".id LIMIT 1 OFFSET ?",
		within.From, within.Upto, n-1)
	for rows.Next() {
		id, found = rows.ID(), true
	}
	return id, found, r.check(rows.Close())
}

// sum sums the rows of a FROM clause.
func (r *reader[S]) sum(ctx context.Context, from string, args ...any) (sums S, count int64, err error) {
	cells, groupBy := r.table.plain(r.columns)
	if len(cells) == 0 {
		return r.sumEach(ctx, from, args...)
	}
	plain := true
	rows := r.q.Query("SELECT "+strings.Join(cells, ", ")+", count(*) FROM "+from+groupBy, args...)
	for rows.Next() {
		part, n, fine := r.table.scan(rows)
		sums, count, plain = sums.Add(part), count+n, plain && fine
	}
	err = rows.Close()
	switch {
	case errors.Is(err, engine.ErrCellTooLarge), errors.Is(err, domain.CodeInvalidValue): // a sum is out of range
		return r.sumEach(ctx, from, args...)
	case err == nil && !plain:
		return r.sumEach(ctx, from, args...)
	default:
		return sums, count, err
	}
}

// sumEach sums row by row, with care.
func (r *reader[S]) sumEach(_ context.Context, from string, args ...any) (sums S, count int64, err error) {
	if err := r.q.Guard(true); err != nil {
		return sums, 0, err
	}
	careful := *r.columns
	careful.guarded = true
	rows := r.q.Query("SELECT "+strings.Join(r.table.cells(&careful), ", ")+" FROM "+from, args...)
	for rows.Next() {
		sums = sums.Add(r.table.one(rows))
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
