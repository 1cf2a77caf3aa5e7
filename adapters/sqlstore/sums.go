package sqlstore

import (
	"errors"
	"fmt"
	"strings"

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

// readEach reads each row of those that a query gives the ids of, each with whether it
// is active, by id; and the highest id of the table, nil if it has no rows.
func readEach[S any](ses *session, t table[S], ids string, args ...any) (top *int64, rows map[int64]single[S], err error) {
	values, err := t.cells(ses)
	if err != nil {
		return nil, nil, err
	}
	// The first table makes one row, so that the highest id comes without others.
	query := fmt.Sprintf("WITH wanted(id, active) AS (SELECT id, max(active) FROM (%[5]s) GROUP BY id)"+
		" SELECT highest.id, %[2]s.id, wanted.active, %[3]s, %[4]s FROM (SELECT max(id) AS id FROM %[1]s) highest"+
		" LEFT JOIN wanted LEFT JOIN %[1]s %[2]s ON %[2]s.id = wanted.id",
		t.name(), t.alias(), t.unsettled(ses), strings.Join(values, ", "), ids)
	rows = make(map[int64]single[S], 64)
	err = ses.query(func(row *cells) {
		top = row.integer()
		if id := row.integer(); id != nil {
			active, unsettled := row.orZero() != 0, row.orZero() != 0
			// Two ids may be the same to SQLite, such as 2 and '2'.
			rows[*id] = single[S]{active || rows[*id].active, unsettled, t.one(row)}
		}
	}, query, args...)
	return top, rows, err
}

// isOverflow tells whether a sum left the range of a 64-bit integer.
func isOverflow(err error) bool { return errors.Is(classify(err), domain.CodeInvalidValue) }

// addTo adds n to the sum, or takes it out with the sign -1, and tells whether the
// result fits 64 bits.
func addTo(sum *int64, n, sign int64) bool {
	before := *sum
	*sum += sign * n // right modulo 2^64, for the lowest integer too
	rises := (n > 0) == (sign > 0)
	return n == 0 || rises == (*sum > before)
}
