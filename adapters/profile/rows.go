package profile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/ports"
)

// maxTexts is how many bytes of texts a list may hold: it is cut there, too.
const maxTexts = 32 << 20

// wrapped is the name of the query as a subquery.
const wrapped = "wrapped"

// statement is what is run: of each column that the query may return, in their order,
// the cell, or NULL where the query does not return it. The query is a subquery, so that
// its columns have no declared type, by which a driver would convert values on its own.
func (q *query) statement(d engine.Dialect, limit int) string {
	cells := make([]string, len(q.columns))
	for i, c := range q.columns {
		switch ref := wrapped + "." + c.name; {
		case !q.has(c.name):
			cells[i] = "NULL"
		case c.kind == kindTime && q.times[c.name] == timeSQL:
			cells[i] = d.Cell(engine.Column{Name: ref}, engine.Instant, true)
		default:
			cells[i] = d.Cell(engine.Column{Name: ref}, engine.Dynamic, true)
		}
	}
	return fmt.Sprintf("SELECT %s FROM (\n%s\n) %s LIMIT %d", strings.Join(cells, ", "), q.sql, wrapped, limit)
}

// reader reads a query's cells in the order of its form.
type reader struct {
	*engine.Rows

	q *query
}

// id reads the two columns of an id, of which one has it at most.
func (r reader) id() (number *int64, ref *string) {
	r.Scan(&number)
	if ref = r.ref(); ref != nil {
		number = new(idOf(*ref))
	}
	return number, ref
}

// ref reads an id that need not be a number, as a text: a text, a whole number, or a
// blob of 16 bytes, which is a UUID. An empty text is nobody's id, as NULL is.
func (r reader) ref() *string {
	const uuid = 16
	var cell any
	r.Scan(&cell)
	switch cell := cell.(type) {
	case nil:
		return nil
	case string:
		if cell == "" {
			return nil
		}
		text, _ := r.Text(cell)
		return &text
	case int64:
		return new(strconv.FormatInt(cell, 10))
	case []byte:
		if len(cell) == uuid {
			return new(fmt.Sprintf("%x-%x-%x-%x-%x", cell[:4], cell[4:6], cell[6:8], cell[8:10], cell[10:]))
		}
	}
	r.Anomaly(1)
	return nil
}

// count reads how many of something there are, without which there is nothing to show.
func (r reader) count() *int64 {
	var number int64
	if r.Scan(&number) > 0 {
		return nil
	}
	if number < 0 {
		r.Anomaly(1)
		return nil
	}
	return &number
}

// leftOut reads how many cells a sum leaves out, which the query says itself.
func (r reader) leftOut() {
	var cells *int64
	if r.Scan(&cells); cells != nil {
		r.Anomaly(max(0, *cells))
	}
}

// errSkipped goes with a list of which rows were left out.
var errSkipped = fmt.Errorf("rows without an id, or with that of another row, are left out: %w", domain.CodeUnreadableCells)

// list reads a list that is cut at the row cap. scan is false for a row that has no id.
// The list is cut in the query's order, and then in the order of the ids.
func list[T any](
	ctx context.Context, s *Store, key string, id func(*T) int64, scan func(reader) (T, bool),
) (ports.Reading[[]T], error) {
	return read(ctx, s, key, func(_ *scrape, session *engine.Session, q *query) (reading ports.Reading[[]T], err error) {
		reading.Value = []T{}
		r := reader{session.Query(q.statement(session.Dialect(), s.opts.MaxRows+1)), q}
		seen := map[int64]bool{}
		skipped := false
		for r.Next() {
			if len(reading.Value) == s.opts.MaxRows || r.Kept() > maxTexts {
				reading.Truncated = true
				break
			}
			value, ok := scan(r)
			reading.Anomalies += r.Anomalies()
			switch {
			case !ok:
				skipped = true // its cell is counted
			case seen[id(&value)]:
				skipped = true
				reading.Anomalies++
			default:
				seen[id(&value)] = true
				reading.Value = append(reading.Value, value)
			}
		}
		if err := r.Close(); err != nil {
			return ports.Reading[[]T]{}, err
		}
		slices.SortFunc(reading.Value, func(a, b T) int { return cmp.Compare(id(&a), id(&b)) })
		if skipped {
			err = errSkipped
		}
		return reading, err
	})
}

// one reads the only row of a query.
func one[T any](session *engine.Session, q *query, scan func(reader) T) (reading ports.Reading[T], err error) {
	r := reader{session.Query(q.statement(session.Dialect(), 2)), q}
	rows := 0
	for r.Next() {
		if rows++; rows == 1 {
			reading.Value = scan(r)
			reading.Anomalies = r.Anomalies()
		}
	}
	if err := r.Close(); err != nil {
		return ports.Reading[T]{}, err
	}
	if rows != 1 {
		return ports.Reading[T]{}, fmt.Errorf("%d rows where there is to be one: %w", rows, domain.CodeInvalidValue)
	}
	return reading, unreadableCells(reading.Anomalies)
}

// unreadableCells is the error that goes with what some cells are missing from.
func unreadableCells(cells int64) error {
	if cells == 0 {
		return nil
	}
	return fmt.Errorf("%d cells cannot be read: %w", cells, domain.CodeUnreadableCells)
}

// whole tells whether the error is none, or one that goes with a value.
func whole(err error) bool { return err == nil || errors.Is(err, domain.CodeUnreadableCells) }
