package sqlstore

import (
	"errors"

	"github.com/orchmetrics/orchmetrics/domain"
)

// sumAll sums the rows of a condition. Without rows it is a block of none.
func sumAll[S any](ses *session, t table[S], where string, args ...any) (block[S], error) {
	query, err := t.plain(ses, where)
	if err != nil {
		return block[S]{}, err
	}
	var b block[S]
	var plain bool
	err = ses.query(func(row *cells) { b, plain = t.scan(row) }, query, args...)
	if isOverflow(err) {
		// All the more is read with care. The rows may change, for all we know.
		err = ses.query(func(row *cells) {
			b = block[S]{last: row.orZero(), rows: row.orZero()}
			b.unsettled = b.rows
		}, "SELECT max(id), count(*) FROM (SELECT id FROM "+t.name()+" WHERE "+where+")", args...)
	}
	if err != nil || plain {
		return b, err
	}
	b.sums, err = t.odd(ses, where, args...)
	return b, err
}

// sumEach sums each row of a condition on its own.
func sumEach[S any](ses *session, t table[S], where string, args ...any) ([]block[S], error) {
	query, err := t.plain(ses, where)
	if err != nil {
		return nil, err
	}
	var rows []block[S]
	var odd []int
	err = ses.query(func(row *cells) {
		b, plain := t.scan(row)
		if !plain {
			odd = append(odd, len(rows))
		}
		rows = append(rows, b)
	}, query+" GROUP BY id", args...)
	if err != nil {
		return nil, err
	}
	for _, i := range odd {
		if rows[i].sums, err = t.odd(ses, "id = ?", rows[i].last); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// isOverflow tells whether a sum left the range of a 64-bit integer.
func isOverflow(err error) bool { return errors.Is(classify(err), domain.CodeInvalidValue) }

// addTo adds n to the sum, and tells whether the result fits 64 bits.
func addTo(sum *int64, n int64) bool {
	result := *sum + n
	fits := (n >= 0) == (result >= *sum)
	*sum = result
	return fits
}
