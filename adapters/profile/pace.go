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
// which of the two it is.
type paced[T any] struct {
	turn *semaphore.Weighted // of 1: a lock that a context can give up waiting for

	// For who has the turn:
	kept  result[T]
	state engine.State // of the view that it was read in; its name is empty if nothing is kept
	at    time.Time    // of the scrape that read it
	next  time.Time    // it is not read again before
}

func newPaced[T any]() *paced[T] { return &paced[T]{turn: semaphore.NewWeighted(1)} }

// history runs a query over history, unless its time has not come: then what it returned
// last is shown, and since when.
func history[T any](
	ctx context.Context, s *Store, key string, p *paced[T], run func(*engine.Session, *query) (ports.Reading[T], error),
) (ports.Reading[T], error) {
	return read(ctx, s, key, func(v *scrape, session *engine.Session, q *query) (none ports.Reading[T], err error) {
		if err := p.turn.Acquire(session.Context(), 1); err != nil {
			return none, fmt.Errorf("wait for another reading: %w: %w", domain.CodeTimeout, err)
		}
		defer p.turn.Release(1)
		state := session.State()
		if state.Blocking {
			v.views[q.database].Brief()
		}
		same := p.state.Database != "" && p.state.Database == state.Database && !state.Doubtful && p.state.Sequence <= state.Sequence
		if same && !s.opts.Exact && s.now().Before(p.next) {
			return p.shown()
		}
		began := s.now()
		read, err := run(session, q)
		took := s.now().Sub(began)
		switch older := p.state.Sequence > state.Sequence; {
		case older: // than what is kept: of use for this view only
		case whole(err):
			p.kept, p.state, p.at = result[T]{read, err}, state, v.began
			p.next = s.now().Add(s.rest(took))
		case errors.Is(err, domain.CodeTimeout) && session.Context().Err() != nil:
			// It would take as long again. What it returned once is still shown.
			p.next = s.now().Add(s.rest(took))
			if !same {
				p.kept, p.at = result[T]{}, v.began
			}
			p.kept.err, p.state = err, state
			return p.shown()
		default:
			p.state = engine.State{}
		}
		return read, err
	})
}

// shown is what is kept, which is older than the scrape.
func (p *paced[T]) shown() (ports.Reading[T], error) {
	reading := p.kept.reading
	reading.AsOf = new(p.at.UTC().Truncate(time.Second))
	return reading, p.kept.err
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
