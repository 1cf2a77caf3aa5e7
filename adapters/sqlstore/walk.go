package sqlstore

import (
	"context"
	"sync"
	"time"
)

// walk is a recount's way through the blocks of a ledger, one at a time.
type walk struct {
	next  int
	began time.Time
	// counted is when the last finished walk began: what was changed by hand
	// before that is in the sums.
	counted time.Time
}

func (w *walk) finish() {
	*w = walk{counted: w.began}
}

// step recounts the next block. The ledger must be up to date with the view.
func (k *kept[S]) step(ses *session, now time.Time) error {
	if !k.complete || len(k.ledger.blocks) == 0 {
		return nil
	}
	if k.walk.next >= len(k.ledger.blocks) {
		k.walk.finish()
	}
	if k.walk.began.IsZero() {
		k.walk.began = now
	}
	if err := k.ledger.recount(ses, k.walk.next); err != nil {
		return err
	}
	if k.walk.next++; k.walk.next >= len(k.ledger.blocks) {
		k.walk.finish()
	}
	return nil
}

const (
	// burst is the longest that a recount works at a time, so that it makes no
	// spike.
	burst = 20 * time.Millisecond
	// worthwhile is what has to be saved up before one begins: to open the database
	// and to take in what is new comes first.
	worthwhile = burst / 4
	// stretch is the longest that a recount's views outlive the scrape before them,
	// so that an orchestrator that stops is alone with its database soon after. The
	// first count, too, goes on with the next scrape.
	stretch = 150 * time.Millisecond
)

// recounter paces the recount: what a share of a core saves up between scrapes
// is spent in the background after one. Without scrapes there is none.
type recounter struct {
	share float64
	now   func() time.Time

	mu      sync.Mutex
	credit  time.Duration
	paced   time.Time
	working bool
}

// begin tells whether to work now, and for how long. The first count is not
// paced: until it is done there is nothing to show.
func (r *recounter) begin(counting bool) (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if !r.paced.IsZero() {
		r.credit = min(r.credit+time.Duration(r.share*float64(now.Sub(r.paced))), burst)
	}
	r.paced = now
	if r.working || !counting && r.credit < worthwhile {
		return 0, false
	}
	r.working = true
	return r.credit, true
}

// end charges a quarter more than was spent, so that what the collector and the
// scheduler have to do for it is within the share too.
func (r *recounter) end(spent time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.credit -= spent + spent/4
	r.working = false
}

// recountSoon begins some recounting in the background.
func (s *Store) recountSoon() {
	if s.exact {
		return
	}
	long, due := s.recounter.begin(s.history.counting.Load())
	if !due {
		return
	}
	go func() {
		began := time.Now()
		defer func() {
			_ = recover() // the next scrape meets the panic again, and shows it
			s.recounter.end(time.Since(began))
		}()
		ctx, cancel := context.WithTimeout(context.Background(), stretch)
		defer cancel()
		for s.recount(ctx, long) { // until the first count is done
		}
	}()
}

// recount works for about as long as it is given, in a view of its own. It is
// true if the first count made progress and is not done yet. What goes wrong
// shows in the next scrape.
func (s *Store) recount(ctx context.Context, long time.Duration) bool {
	v := newView(ctx, s)
	defer v.end()
	progress := false
	_ = v.do(ctx, func(ses *session) error {
		return s.history.with(ses, func() error {
			before := s.history.taken()
			err := s.history.update(ses)
			progress = s.history.taken() > before
			if err != nil {
				return err
			}
			return s.history.walk(ses, time.Now().Add(long))
		})
	})
	return progress && s.history.counting.Load()
}
