package engine

import (
	"context"
	"fmt"

	"gorm.io/gorm"
)

// Session is one reading's turn in a view.
type Session struct {
	Context context.Context //nolint:containedctx // the reading's, under its own deadline
	State   State           // what the session sees
	Dialect Dialect         // how SQL is written here
	// Guarded tells whether cells are to be read guarded, see Guard.
	Guarded bool

	view    *View
	release func() // of the context
	tx      *gorm.DB
}

// Guard makes the session guarded, or no longer. It is for a statement that failed with
// domain.CodeTooLarge: expressions that look at each cell before they read it take
// three times as long to compile, which is an eighth of what a scrape costs, so that
// they are left for when such a cell was met.
func (s *Session) Guard(guarded bool) error {
	s.Guarded = guarded
	return s.view.classify(s.view.conn.Guard(guarded))
}

// Query runs a statement. The rows are to be closed; that is also where an error
// shows.
func (s *Session) Query(query string, args ...any) *Rows {
	rows, err := s.tx.Raw(query, args...).Rows() //nolint:rowserrcheck // Close asks for it
	if err != nil {
		return &Rows{err: s.view.classify(fmt.Errorf("query: %w", err))}
	}
	r := &Rows{rows: rows, view: s.view}
	names, err := rows.Columns()
	if err != nil {
		r.err = fmt.Errorf("read columns: %w", err)
	}
	r.values, r.dest = make([]any, len(names)), make([]any, len(names))
	for i := range r.values {
		r.dest[i] = &r.values[i]
	}
	return r
}

// Check tells whether what was read counts: that the database did not change where
// it could not be locked. It adds the code to the error of the reading.
func (s *Session) Check(err error) error {
	if s.view.conn == nil {
		return s.view.classify(err)
	}
	if changed := s.view.conn.Check(); changed != nil {
		return changed
	}
	return s.view.classify(err)
}

// End gives the turn to the next reading.
func (s *Session) End() {
	s.release()
	v := s.view
	if s.Guarded && s.Guard(false) != nil {
		v.close()
	}
	if v.ctx.Err() != nil || v.brief.Load() && v.waiting.Load() == 0 && v.conn != nil && v.conn.State().Blocking {
		v.close()
	}
	v.turn.Release(1)
	if v.ctx.Err() != nil { // it ended meanwhile
		v.closeIfIdle()
	}
}
