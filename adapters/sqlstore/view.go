package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// view is one state of the database, shared by the readings of one scrape. They
// take turns, as they share one connection, which the first to need it opens.
type view struct {
	store *Store
	ctx   context.Context //nolint:containedctx // the view's life, apart from each reading's
	stop  context.CancelFunc
	turn  chan struct{} // holds a token unless a reading is under way

	// Only for who holds the token:
	looked  bool
	failure error // why there is nothing to read
	files   files
	cached  readings // what is known already of the database as it is
	conn    *connection
	columns map[string]tableColumns
	jobs    *jobTotals // read once, for two sources
}

func newView(ctx context.Context, s *Store) *view {
	v := &view{store: s, turn: make(chan struct{}, 1), columns: map[string]tableColumns{}}
	v.ctx, v.stop = context.WithCancel(context.WithoutCancel(ctx))
	v.turn <- struct{}{}
	return v
}

// take waits for the view's token, and gives the function that puts it back.
func (v *view) take(ctx context.Context) (func(), error) {
	select {
	case <-v.turn:
	case <-v.ctx.Done():
		return nil, errEnded()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the database connection: %w", ctx.Err())
	}
	if v.ctx.Err() != nil {
		v.put()
		return nil, errEnded()
	}
	return v.put, nil
}

func errEnded() error { return fmt.Errorf("read an ended view: %w", domain.CodeTimeout) }

// put gives the token back. The view may have ended meanwhile: then whoever gets
// the token closes the connection, and the token stays away.
func (v *view) put() {
	v.turn <- struct{}{}
	if v.ctx.Err() != nil {
		v.closeIfIdle()
	}
}

// end closes the view, at once or as soon as the reading under way is
// interrupted.
func (v *view) end() {
	v.stop()
	v.closeIfIdle()
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

// look finds out, once, what lies on disk, and what is known of it.
func (v *view) look() error {
	if !v.looked {
		v.looked = true
		if v.files, v.failure = inspect(v.store.path); v.failure == nil {
			v.cached = v.store.cache.of(v.files)
		}
	}
	return v.failure
}

// do runs fn when it is its turn, with a connection.
func (v *view) do(ctx context.Context, fn func(*session) error) error {
	put, err := v.take(ctx)
	if err != nil {
		return err
	}
	defer put()
	if err := v.look(); err != nil {
		return err
	}
	return v.run(ctx, fn)
}

// run runs fn with a connection. Only for who holds the token.
func (v *view) run(ctx context.Context, fn func(*session) error) error {
	ctx, cancel := fairShare(ctx)
	defer cancel()
	defer context.AfterFunc(v.ctx, cancel)() // the end of the view interrupts fn
	ses, err := v.open(ctx)
	if err != nil {
		return err
	}
	err = fn(ses)
	if v.conn.atRest && !v.files.unchanged() {
		v.store.history.forget()
		return fmt.Errorf("read database at rest: %w: it changed meanwhile", domain.CodeDBBusy)
	}
	return err
}

// open makes sure that there is a connection. That a reading ran out of time says
// nothing of the database: the next one tries again, unless it was a lock that
// took the time.
func (v *view) open(ctx context.Context) (*session, error) {
	if v.conn == nil && v.failure == nil {
		conn, err := v.connect(ctx)
		if err != nil && (ctx.Err() == nil || errors.Is(classify(err), domain.CodeDBBusy)) {
			v.failure = err
		}
		if err != nil {
			return nil, err
		}
		v.conn = conn
	}
	if v.failure != nil {
		return nil, v.failure
	}
	return newSession(ctx, v), nil
}

// connect tries again if the orchestrator has just started or stopped: then the
// files are no longer what they were found to be.
func (v *view) connect(ctx context.Context) (*connection, error) {
	conn, err := v.store.connect(ctx, v.files)
	if err != nil && !errors.Is(classify(err), domain.CodeDBBusy) && !v.files.unchanged() {
		v.cached = nil
		if v.files, err = inspect(v.store.path); err != nil {
			return nil, err
		}
		conn, err = v.store.connect(ctx, v.files)
	}
	return conn, err
}

// fairShare gives a reading half of what is left of the scrape's time, so that
// a slow one cannot take it all from those that wait behind it.
func fairShare(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}
