package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/orchmetrics/orchmetrics/domain"
)

// errOlder says that a newer state was taken in meanwhile.
var errOlder = errors.New("read history: a newer state was read meanwhile")

// history is what the store remembers between scrapes of the rows that have
// ended. One view at a time works on it.
type history struct {
	turn *semaphore.Weighted // of 1: a lock that a context can give up waiting for
	now  func() time.Time
	fill int64 // how many rows a block is filled with
	// counting is true while a first count is not done.
	counting atomic.Bool

	// For who has the turn:
	of       edition // the database that the sums are of
	snapshot uint64  // the number of the newest view that worked on it
	jobs     kept[jobSums]
	runs     kept[runSums]
}

// edition names one database file with one schema.
type edition struct {
	file   fileID
	schema int64
}

func newHistory(now func() time.Time) *history {
	return &history{
		turn: semaphore.NewWeighted(1),
		now:  now,
		fill: blockRows,
		jobs: kept[jobSums]{table: jobsTable{}},
		runs: kept[runSums]{table: runsTable{}},
	}
}

// forget drops all sums: what they were made of may be torn.
func (h *history) forget() {
	_ = h.turn.Acquire(context.Background(), 1) // fails only with its context
	defer h.turn.Release(1)
	h.of = edition{}
}

// update brings both ledgers up to date.
func (h *history) update(ses *session) error {
	return errors.Join(refresh(ses, &h.jobs), refresh(ses, &h.runs))
}

// refresh brings a ledger up to date if the table suits one.
func refresh[S any](ses *session, k *kept[S]) error {
	if !ses.keyed(k.table.name()) {
		return nil
	}
	_, _, err := k.read(ses)
	return err
}

// walk recounts blocks of both ledgers in turn until the time is up.
func (h *history) walk(ses *session, until time.Time) error {
	for {
		if err := errors.Join(h.jobs.step(ses, h.now()), h.runs.step(ses, h.now())); err != nil {
			return err
		}
		if !time.Now().Before(until) {
			return nil
		}
	}
}

// taken is how many blocks there are.
func (h *history) taken() int { return h.jobs.size() + h.runs.size() }

// kept is one table's ledger and when it was last found to be right.
type kept[S any] struct {
	table  table[S]
	ledger *ledger[S] // nil before the first update
	// unsuited is set for a table whose sums cannot be kept.
	unsuited bool
	// complete is set when the ledger has taken in the whole table once.
	complete bool
	counting bool // the first update is not done
	walk     walk
}

// with runs fn when it is the view's turn. A view of another database than the
// last one's begins anew. One that sees an older state than has been taken in
// cannot be served, and gets errOlder: the ledger only goes forward.
func (h *history) with(ses *session, fn func() error) error {
	if err := h.turn.Acquire(ses.ctx, 1); err != nil {
		if h.counting.Load() {
			return fmt.Errorf("wait for the first count: %w: %w", domain.CodeCounting, err)
		}
		return fmt.Errorf("wait for the history: %w", err)
	}
	defer h.turn.Release(1)
	conn := ses.view.conn
	if conn.edition != h.of {
		h.of = conn.edition
		h.jobs.reset()
		h.runs.reset()
	} else if conn.number < h.snapshot {
		return errOlder
	}
	h.snapshot = conn.number
	return fn()
}

func (k *kept[S]) size() int {
	if k.ledger == nil {
		return 0
	}
	return len(k.ledger.blocks)
}

// reset leaves the table alone, which is read without the turn.
func (k *kept[S]) reset() {
	k.ledger, k.walk = nil, walk{}
	k.unsuited, k.complete, k.counting = false, false, false
}

// total is the sum over the whole table, and since when rows that were changed by
// hand may be missing from it. What cannot come from the history is summed anew.
func total[S any](ses *session, k *kept[S]) (sums S, counted time.Time, err error) {
	store := ses.view.store
	kept := false
	if !store.exact && ses.keyed(k.table.name()) {
		err = store.history.with(ses, func() error {
			sums, kept, err = k.read(ses)
			counted = k.walk.counted
			return err
		})
	}
	if kept || err != nil && !errors.Is(err, errOlder) {
		return sums, counted, err
	}
	b, err := sumAll(ses, k.table, "1")
	return b.sums, store.history.now(), err
}

// read brings the ledger up to date and adds it up. It is false for a table that
// does not suit one.
func (k *kept[S]) read(ses *session) (sums S, ok bool, err error) {
	if k.unsuited {
		return sums, false, nil
	}
	err = k.update(ses)
	if errors.Is(err, errCutShort) {
		k.reset()
		err = k.update(ses)
	}
	if err == nil {
		sums = k.ledger.total()
	}
	if errors.Is(err, errUnsuited) || err == nil && k.table.bulky(sums) {
		k.reset()
		k.unsuited = true
		return sums, false, nil
	}
	return sums, true, err
}

// update takes in what is new, the first time everything.
func (k *kept[S]) update(ses *session) error {
	h := ses.view.store.history
	if k.ledger == nil {
		k.ledger = newLedger(k.table, h.fill)
		k.walk.began = h.now()
	}
	err := k.ledger.update(ses)
	k.counting = err != nil && !k.complete
	h.counting.Store(h.jobs.counting || h.runs.counting)
	switch {
	case k.complete || errors.Is(err, errCutShort) || errors.Is(err, errUnsuited):
		return err
	case errors.Is(classify(err), domain.CodeTimeout):
		return fmt.Errorf("count for the first time: %w: %w", domain.CodeCounting, err)
	case err != nil:
		return err
	default:
		k.complete = true
		k.walk.finish()
		return nil
	}
}
