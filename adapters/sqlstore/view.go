package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// view is one state of the database, shared by the readings of one scrape. They
// take turns, as they share one connection. It is opened by the first.
type view struct {
	store *Store
	ctx   context.Context //nolint:containedctx // the view's life, apart from each reading's
	stop  context.CancelFunc
	turn  chan struct{} // holds a token unless a reading is under way

	// Only for who holds the token:
	conn    *connection
	columns map[string]tableColumns
	failure error // why the view could not be opened
}

func newView(ctx context.Context, s *Store) *view {
	v := &view{store: s, turn: make(chan struct{}, 1), columns: map[string]tableColumns{}}
	v.ctx, v.stop = context.WithCancel(context.WithoutCancel(ctx))
	v.turn <- struct{}{}
	return v
}

// do runs one reading when it is its turn.
func (v *view) do(ctx context.Context, fn func(*session) error) error {
	select {
	case <-v.turn:
		defer v.pass()
	case <-v.ctx.Done():
	case <-ctx.Done():
		return fmt.Errorf("wait for the database connection: %w", ctx.Err())
	}
	if v.ctx.Err() != nil {
		return fmt.Errorf("read an ended view: %w", domain.CodeTimeout)
	}
	ctx, cancel := fairShare(ctx)
	defer cancel()
	if v.conn == nil && v.failure == nil {
		v.conn, v.failure = v.store.connect(ctx)
	}
	if v.failure != nil {
		return v.failure
	}
	err := fn(newSession(ctx, v))
	if at := v.conn.atRest; at != nil && !at.unchanged() {
		return fmt.Errorf("read database at rest: %w: it changed meanwhile", domain.CodeDBBusy)
	}
	return err
}

// end closes the view, at once or when the reading under way is over.
func (v *view) end() {
	v.stop()
	v.closeIfIdle()
}

// pass gives the turn back. The view may have ended meanwhile: then whoever gets
// the token back closes the connection, and the token stays away.
func (v *view) pass() {
	v.turn <- struct{}{}
	if v.ctx.Err() != nil {
		v.closeIfIdle()
	}
}

func (v *view) closeIfIdle() {
	select {
	case <-v.turn:
		if v.conn != nil {
			v.conn.close()
		}
	default:
	}
}

// fairShare gives a reading half of what is left of the scrape's time, so that
// a slow one cannot take it all from those that wait behind it.
func fairShare(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}
