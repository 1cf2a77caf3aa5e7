package profile

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/ports"
)

// paced keeps what a query over history returned. A query that took long is not run
// again before its share of a core allows it, so that a small database is exact at every
// scrape, and a large one is never loaded with more than that; and nobody has to say
// which of the two it is. One that takes longer than a scrape has is run once more beside
// the scrapes.
type paced[T any] struct {
	turn *semaphore.Weighted // of 1: a lock that a context can give up waiting for

	// For who has the turn:
	kept  *reading[T] // nil if nothing is
	next  time.Time   // it is not read again before
	aside *reading[T] // what is read beside the scrapes; nil if nothing is
}

// reading is one run of a query over history.
type reading[T any] struct {
	result[T]

	state engine.State // of the view that it was read in
	at    time.Time    // since when it is so
	took  time.Duration
	done  chan struct{} // closed at its end, if it is beside the scrapes
}

const (
	// asideFor is how long a query may take beside the scrapes: twice that is the time
	// of a view, of which one reading has half.
	asideFor = 15 * time.Second
	// soon is how long a scrape waits for what is read beside it, if it has nothing else
	// to show.
	soon = 100 * time.Millisecond
)

func newPaced[T any]() *paced[T] { return &paced[T]{turn: semaphore.NewWeighted(1)} }

// history runs a query over history, unless its time has not come: then what it returned
// last is shown, and since when.
func history[T any](
	ctx context.Context, s *Store, key string, p *paced[T], run func(*engine.Session, *query) (ports.Reading[T], error),
) (ports.Reading[T], error) {
	return read(ctx, s, key, func(v *scrape, session *engine.Session, q *query) (none ports.Reading[T], err error) {
		if err := p.turn.Acquire(session.Context, 1); err != nil {
			return none, fmt.Errorf("wait for another reading: %w: %w", domain.CodeTimeout, err)
		}
		defer p.turn.Release(1)
		state := session.State
		session.Brief()
		p.takeAside(s)
		if p.kept != nil && (p.kept.state.Database != state.Database || state.Doubtful) {
			p.kept, p.next = nil, time.Time{} // it is of another database
		}
		older := p.kept != nil && p.kept.state.Sequence > state.Sequence // than what is kept: of use for this view only
		if p.aside != nil || !older && !s.opts.Exact && s.now().Before(p.next) {
			return p.shown()
		}
		found := timed(s, session, q, v.began, run)
		switch {
		case older:
		case whole(found.err):
			p.keep(s, found)
		case errors.Is(found.err, domain.CodeTimeout) && session.Context.Err() != nil && !state.Blocking:
			p.aside = readAside(ctx, s, q, run)
			return p.shown()
		case errors.Is(found.err, domain.CodeTimeout):
			p.next = s.now().Add(s.rest(found.took)) // it would take as long again
		default:
			p.kept = nil
		}
		return found.reading, found.err
	})
}

// timed runs a query, and says how long it took.
func timed[T any](
	s *Store, session *engine.Session, q *query, at time.Time, run func(*engine.Session, *query) (ports.Reading[T], error),
) *reading[T] {
	began := s.now()
	r := &reading[T]{state: session.State, at: at}
	r.reading, r.err = run(session, q)
	r.took = s.now().Sub(began)
	return r
}

// keep keeps a reading, and lets the query rest.
func (p *paced[T]) keep(s *Store, r *reading[T]) {
	p.kept, p.next = r, s.now().Add(s.rest(r.took))
}

// readAside runs a query in a view of its own, which does not end with the scrape. It is
// one at a time.
func readAside[T any](ctx context.Context, s *Store, q *query, run func(*engine.Session, *query) (ports.Reading[T], error)) *reading[T] {
	r := &reading[T]{done: make(chan struct{})}
	go func() {
		defer close(r.done)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*s.asideFor)
		defer cancel()
		view := engine.NewView(ctx, s.engines[q.database])
		defer view.End()
		session, err := view.Session(ctx)
		if err != nil {
			r.err = err
			return
		}
		defer session.End()
		if r.err = session.Guard(true); r.err != nil {
			return
		}
		found := timed(s, session, q, s.now(), run)
		found.err = session.Check(found.err)
		r.result, r.state, r.at, r.took = found.result, found.state, found.at, found.took
	}()
	return r
}

// takeAside takes what was read beside the scrapes, if that has come to an end, or does
// soon while there is nothing else to show.
func (p *paced[T]) takeAside(s *Store) {
	if p.aside == nil {
		return
	}
	wait := time.Duration(0)
	if p.kept == nil {
		wait = soon
	}
	select {
	case <-p.aside.done:
	case <-time.After(wait):
		return
	}
	r := p.aside
	p.aside = nil
	if whole(r.err) || p.kept == nil {
		p.keep(s, r)
		return
	}
	p.kept.err, p.next = r.err, s.now().Add(s.rest(r.took)) // what was known before, and why no more is
}

// shown is what is kept, which is older than the scrape.
func (p *paced[T]) shown() (shown ports.Reading[T], err error) {
	if p.kept == nil {
		return shown, fmt.Errorf("read beside the scrapes, since it takes long: %w", domain.CodeCounting)
	}
	shown = p.kept.reading
	shown.AsOf = new(p.kept.at.UTC().Truncate(time.Second))
	return shown, p.kept.err
}

// rest is how long a query that took so long is not run. The share is that of all of
// them together.
func (s *Store) rest(took time.Duration) time.Duration {
	const most = 1000 * time.Hour
	rest := float64(took) * float64(s.profile.history()) / s.opts.Recount
	if rest > float64(most) || math.IsNaN(rest) {
		return most
	}
	return time.Duration(rest)
}
