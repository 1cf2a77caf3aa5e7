// Package sqlstore reads the orchestrator's SQLite database. It never writes:
// a read-only URI, query_only, a connection authorizer and a GORM plugin each
// refuse on their own (docs/adr/0003-read-only-in-depth.md).
//
// A connection is opened for a view and closed with it, because a reader that
// stays connected keeps the orchestrator's last close from tidying up its
// write-ahead log. Only in a flood of views one lingers for a moment
// (docs/adr/0008-read-each-state-once-in-a-flood.md).
package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"gorm.io/gorm"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Store is the orchestrator's database as a source of stages, queue, agents and
// cost. It is safe for concurrent use and holds nothing open
// between views, but for a moment in a flood of them.
type Store struct {
	path        string
	maxRows     int
	busyTimeout time.Duration
	exact       bool
	gorm        *gorm.DB
	history     *history
	recounter   recounter
	flood       flood
	schema      atomic.Pointer[schema] // of the edition that was read last

	beginning *semaphore.Weighted // of 1
	begun     uint64              // connections so far, for who holds it
}

// Options are a store's settings.
type Options struct {
	// MaxRows is where a list is cut; at least 1.
	MaxRows int
	// Budget is the time one scrape has. Waiting for a lock takes a quarter of it
	// at most, since SQLite's busy wait does not end with the context.
	Budget time.Duration
	// Exact makes every scrape read everything again.
	Exact bool
	// Recount is the share of a core that finding changes made by hand may take.
	Recount float64
}

var (
	_ ports.Viewer      = (*Store)(nil)
	_ ports.StageSource = (*Store)(nil)
	_ ports.QueueSource = (*Store)(nil)
	_ ports.AgentSource = (*Store)(nil)
	_ ports.CostSource  = (*Store)(nil)
)

// New returns a store over the database at location, a path or a file: URI. The
// file need not exist yet: each view looks for it anew. An error means that the
// location can never name a database.
func New(location string, opts Options) (*Store, error) {
	path, err := pathOf(location)
	if err != nil {
		return nil, err
	}
	if opts.MaxRows < 1 {
		return nil, fmt.Errorf("open store: row cap %d is below 1", opts.MaxRows)
	}
	db, err := openReadOnlyGORM()
	if err != nil {
		return nil, err
	}
	return &Store{
		path:        path,
		maxRows:     opts.MaxRows,
		busyTimeout: opts.Budget / 4,
		exact:       opts.Exact,
		gorm:        db,
		history:     newHistory(wholeSeconds),
		recounter:   recounter{share: opts.Recount, now: time.Now},
		flood:       newFlood(),
		beginning:   semaphore.NewWeighted(1),
	}, nil
}

// View implements ports.Viewer.
func (s *Store) View(ctx context.Context) (context.Context, func()) {
	s.flood.begins()
	v := newView(ctx, s)
	return context.WithValue(ctx, viewKey{s}, v), func() {
		v.end()
		s.flood.ends()
		s.recountSoon()
	}
}

// viewKey is the context key of a store's own view, so that several stores can
// share one scrape.
type viewKey struct{ store *Store }

// read runs one reading in the scrape's view, or in one of its own.
func read[T any](ctx context.Context, s *Store, from source, fn func(*session) (ports.Reading[T], error)) (ports.Reading[T], error) {
	v, shared := ctx.Value(viewKey{s}).(*view)
	if !shared {
		v = newView(ctx, s)
		defer v.end()
	}
	reading, err := readIn(ctx, v, from, fn)
	if errors.Is(err, domain.CodeDBBusy) {
		return ports.Reading[T]{}, err // what was read may be torn
	}
	return reading, classify(err)
}

func readIn[T any](
	ctx context.Context, v *view, from source, fn func(*session) (ports.Reading[T], error),
) (reading ports.Reading[T], err error) {
	// Who knows the running jobs looks at their processes, while the rest is read.
	put, err := v.take(ctx, from == runningJobs)
	if err != nil {
		return reading, err
	}
	defer put()
	if known, ok := v.recall(ctx)[from].(ports.Reading[T]); ok {
		return owned(known), nil
	}
	if err := v.look(); err != nil {
		return reading, err
	}
	err = v.run(ctx, func(ses *session) (err error) {
		reading, err = fn(ses)
		return err
	})
	if err == nil && v.keeps {
		v.read[from] = owned(reading)
	}
	return reading, err
}

// wholeSeconds is the present time as the envelope shows it, never later.
func wholeSeconds() time.Time { return time.Now().UTC().Truncate(time.Second) }
