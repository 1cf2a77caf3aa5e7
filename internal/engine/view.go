package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"gorm.io/gorm"

	"github.com/orchmetrics/orchmetrics/domain"
)

// View is one state of a database, shared by the readings of one scrape. They take
// turns on one connection, which the first of them opens.
type View struct {
	engine Engine
	ctx    context.Context //nolint:containedctx // the view's life, apart from each reading's
	stop   context.CancelFunc
	turn   *semaphore.Weighted // of 1
	open   atomic.Bool         // whether there is a connection

	// For who has the turn:
	state   State // what the connection sees
	brief   bool  // who yields lets the connection be closed
	guarded bool  // how it reads cells now
	conn    Conn  // nil before the first reading, and between those of a brief view
	failure error // why there is nothing to read
}

// NewView returns a view, to be ended. It opens nothing yet.
func NewView(ctx context.Context, e Engine) *View {
	v := &View{engine: e, turn: semaphore.NewWeighted(1)}
	v.ctx, v.stop = context.WithCancel(context.WithoutCancel(ctx))
	return v
}

// Session waits for the reading's turn and begins it. The session is to be ended.
// It may take half of the time that its context has left, so that a slow reading
// leaves some to those behind it. An error has a code.
func (v *View) Session(ctx context.Context) (*Session, error) {
	s := &Session{view: v}
	if err := s.begin(ctx); err != nil {
		s.End()
		return nil, err
	}
	return s, nil
}

// Open makes sure that the view has a connection.
func (v *View) Open(ctx context.Context) error {
	if v.open.Load() {
		return nil
	}
	s, err := v.Session(ctx)
	if err == nil {
		s.End()
	}
	return err
}

// Ended tells whether the view has ended.
func (v *View) Ended() error {
	if v.ctx.Err() != nil {
		return fmt.Errorf("read an ended view: %w", domain.CodeTimeout)
	}
	return nil
}

// End ends the view and closes what it has open, at once or as soon as the reading
// under way is interrupted.
func (v *View) End() {
	v.stop()
	v.closeIfIdle()
}

// closeIfIdle closes the connection, unless a reading has the turn: then it is for that
// one to do so.
func (v *View) closeIfIdle() {
	if !v.turn.TryAcquire(1) {
		return
	}
	if v.conn != nil {
		v.conn.Close()
		v.conn = nil
		v.open.Store(false)
	}
	v.turn.Release(1)
}

// classify adds the code that the envelope shows, unless the error has one.
func (v *View) classify(err error) error {
	var code domain.Code
	switch {
	case err == nil, errors.As(err, &code):
		return err
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: %w", domain.CodeTimeout, err)
	}
	if code = v.engine.Code(err); code != "" {
		return fmt.Errorf("%w: %w", code, err)
	}
	return err
}

// Session is one reading's turn in a view.
type Session struct {
	Context context.Context //nolint:containedctx // the reading's, under its own deadline
	State   State           // what the session sees
	// Guarded tells whether cells are to be read guarded, see Guard.
	Guarded bool

	view  *View
	began time.Time // when it got the turn
	end   func()    // of the turn; nil for who has it not
	tx    *gorm.DB
}

// begin waits for the turn, and makes sure that there is a connection.
func (s *Session) begin(ctx context.Context) error {
	v := s.view
	ctx, cancel := context.WithCancel(ctx)
	unlink := context.AfterFunc(v.ctx, cancel)
	release := func() { unlink(); cancel() }
	if err := v.turn.Acquire(ctx, 1); err != nil {
		release()
		if v.ctx.Err() != nil {
			v.closeIfIdle() // the turn may have been given to this reading as the view ended
			return v.Ended()
		}
		return fmt.Errorf("wait for the database connection: %w: %w", domain.CodeTimeout, err)
	}
	stop := context.CancelFunc(func() {})
	if deadline, ok := ctx.Deadline(); ok {
		ctx, stop = context.WithTimeout(ctx, time.Until(deadline)/2)
	}
	s.end = func() { stop(); release() }
	if err := v.connect(ctx); err != nil {
		return err
	}
	s.Context, s.State, s.tx, s.began = ctx, v.state, v.conn.Session(ctx), time.Now()
	if v.guarded != s.Guarded {
		return s.Guard(s.Guarded)
	}
	return nil
}

// Dialect is how SQL is written here.
func (s *Session) Dialect() Dialect { return s.view.engine.Dialect() }

// connect makes sure that there is a connection. That a reading ran out of time says
// nothing of the database: the next one tries again, unless it was a lock that took
// the time.
func (v *View) connect(ctx context.Context) error {
	switch {
	case v.ctx.Err() != nil:
		return v.Ended()
	case v.conn == nil && v.failure == nil:
		conn, state, err := v.engine.Connect(ctx)
		if err != nil {
			err = v.classify(err)
			if ctx.Err() == nil || errors.Is(err, domain.CodeDBBusy) {
				v.failure = err
			}
			return err
		}
		v.conn, v.state, v.guarded = conn, state, false
		v.open.Store(true)
	}
	return v.failure
}

// Brief lets the connection be closed as soon as no reading waits for it, where a
// transaction that is open makes the writer wait: for what can wait. The next reading
// then sees a later state.
func (s *Session) Brief() { s.view.brief = s.State.Blocking }

// Yield is Brief between two statements of one reading: it gives up the turn for a
// [Pause] if it has had it for a [Slice], and takes it again. After an error the session is
// only to be ended.
func (s *Session) Yield(ctx context.Context) error {
	if s.Brief(); !s.view.brief || time.Since(s.began) < Slice {
		return nil
	}
	s.End()
	pause := time.NewTimer(Pause)
	defer pause.Stop()
	select {
	case <-pause.C:
		return s.begin(ctx)
	case <-ctx.Done():
		return fmt.Errorf("wait between slices: %w: %w", domain.CodeTimeout, ctx.Err())
	}
}

// Guard makes the session guarded, or no longer. It is for a statement that failed with
// domain.CodeTooLarge: expressions that look at each cell before they read it take
// three times as long to compile, which is an eighth of what a scrape costs, so that
// they are left for when such a cell was met.
func (s *Session) Guard(guarded bool) error {
	s.Guarded, s.view.guarded = guarded, guarded
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
	if s.end != nil && s.view.conn != nil {
		if changed := s.view.conn.Check(); changed != nil {
			return changed
		}
	}
	return s.view.classify(err)
}

// End gives the turn to the next reading.
func (s *Session) End() {
	if s.end == nil {
		return
	}
	s.end()
	s.end = nil
	v := s.view
	brief := v.brief
	v.turn.Release(1) // it goes to the reading that has waited for it the longest
	if brief || v.ctx.Err() != nil {
		v.closeIfIdle()
	}
	runtime.Gosched() // whoever waited goes on here and now, while this one's processor knows the database's pages
}
