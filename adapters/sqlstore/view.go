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
	next  chan struct{} // the token for who does not wait its turn

	// Only for who holds the token:
	looked  bool
	failure error // why there is nothing to read
	files   files
	asked   bool   // whether something is known
	known   *state // what is known already, nil if nothing is
	conn    *connection
	keeps   bool       // whether what is read is kept for the next view
	read    readings   // what was read through conn
	jobs    *jobTotals // read once, for two sources
	careful bool       // some cell is too big to be read as it is
}

func newView(ctx context.Context, s *Store) *view {
	v := &view{store: s, turn: make(chan struct{}, 1), next: make(chan struct{}), read: readings{}}
	v.ctx, v.stop = context.WithCancel(context.WithoutCancel(ctx))
	v.turn <- struct{}{}
	return v
}

// take waits for the view's token, before all others or not, and gives the function
// that puts it back.
func (v *view) take(ctx context.Context, first bool) (func(), error) {
	var next chan struct{}
	if first {
		next = v.next
	}
	select {
	case <-v.turn:
	case <-next:
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
	select {
	case v.next <- struct{}{}:
	default:
		v.turn <- struct{}{}
	}
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
		v.release()
	default:
	}
}

// release closes what the view has open, or keeps it for the next ones.
func (v *view) release() {
	if v.conn == nil {
		return
	}
	if known := v.remember(); known != nil {
		v.store.flood.keep(known)
		if known.conn != nil {
			return
		}
	}
	v.conn.close()
}

// remember is nil unless the view is one of a flood and has read everything.
func (v *view) remember() *state {
	if !v.keeps || len(v.read) < int(sources) {
		return nil
	}
	now := v.store.flood.now()
	if v.conn.atRest {
		return rememberAtRest(v.files, v.read, now)
	}
	known, err := remember(v.conn, v.files, v.read, now)
	if err != nil {
		return nil // the next view reads again, and meets the error if it stays
	}
	return known
}

// look finds out, once, what lies on disk.
func (v *view) look() error {
	if !v.looked {
		v.looked = true
		v.files, v.failure = inspect(v.store.path)
	}
	return v.failure
}

// recall finds out, once, what is known already of the database as it is: all, or
// nothing. With a part the rest would have to be read of a state that may have
// changed since.
func (v *view) recall(ctx context.Context) readings {
	if !v.asked {
		v.asked = true
		if !v.store.exact {
			v.keeps = v.store.flood.on()
			v.known = v.store.flood.recall(ctx, v.store.path)
		}
	}
	if v.known == nil {
		return nil
	}
	return v.known.known
}

// do runs fn when it is its turn, with a connection.
func (v *view) do(ctx context.Context, fn func(*session) error) error {
	put, err := v.take(ctx, false)
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
	if tooBig(err) && !v.careful {
		err = v.again(ses, fn)
	}
	if v.conn.atRest && !v.files.unchanged() {
		v.store.history.forget()
		return fmt.Errorf("read database at rest: %w: it changed meanwhile", domain.CodeDBBusy)
	}
	return err
}

// again runs fn with a look at the size of each cell before it is read.
func (v *view) again(ses *session, fn func(*session) error) error {
	v.careful, v.jobs = true, nil
	if err := v.conn.limit(anyCell); err != nil {
		return err
	}
	return fn(ses)
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
