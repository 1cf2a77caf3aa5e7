package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"gorm.io/gorm"

	"github.com/orchmetrics/orchmetrics/ports"
)

// session is what one reading may use: the view's transaction, through GORM's
// read-only session, under the reading's own deadline.
type session struct {
	ctx     context.Context //nolint:containedctx // lives as long as the reading
	view    *view
	tx      *gorm.DB
	maxRows int
}

func newSession(ctx context.Context, v *view) *session {
	tx := v.store.gorm.Session(&gorm.Session{Context: ctx, NewDB: true})
	tx.Statement.ConnPool = v.conn.tx
	return &session{ctx: ctx, view: v, tx: tx, maxRows: v.store.maxRows}
}

// query runs fn over each row.
func (s *session) query(fn func(*cells), query string, args ...any) (err error) {
	rows, err := s.tx.Raw(query, args...).Rows() //nolint:rowserrcheck // closing checks it
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	defer func() { err = closing(err, rows) }()
	names, err := rows.Columns()
	if err != nil {
		return fmt.Errorf("read columns: %w", err)
	}
	row := newCells(len(names))
	for rows.Next() {
		if err := rows.Scan(row.dest...); err != nil {
			return fmt.Errorf("scan row: %w", err)
		}
		row.next = 0
		fn(row)
	}
	return nil
}

// closing returns the first of err, what ended the rows early, and what closing
// them said.
func closing(err error, rows *sql.Rows) error {
	for _, late := range []error{rows.Err(), rows.Close()} {
		if err == nil && late != nil {
			err = fmt.Errorf("read rows: %w", late)
		}
	}
	return err
}

// list reads a list that is cut at the row cap; the query's last parameter is
// its LIMIT.
func list[T any](s *session, query string, read func(*cells) T) (ports.Reading[[]T], error) {
	reading := ports.Reading[[]T]{Value: make([]T, 0, min(s.maxRows, 64))}
	err := s.query(func(row *cells) {
		if len(reading.Value) == s.maxRows {
			reading.Truncated = true
			return
		}
		reading.Value = append(reading.Value, read(row))
		reading.Anomalies += row.takeAnomalies()
	}, query, s.maxRows+1)
	if err != nil {
		return ports.Reading[[]T]{}, err
	}
	return reading, nil
}
