// Package sqlstore reads what the orchestrator's tables mean, on any engine that has
// them. It knows tables and no file. One file has the schema, and one each source.
package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Store is the orchestrator's database as a source of stages, queue, agents and
// cost. It is safe for concurrent use and holds nothing open between views.
type Store struct {
	engine engine.Engine
	opts   Options
	models *models
	jobs   *sums[jobSums]
	runs   *sums[runSums]
	// plain and guarded are the statements that were made last, for sessions that are
	// guarded and for all others.
	plain, guarded atomic.Pointer[statements]
}

// Options are a store's settings.
type Options struct {
	// MaxRows is where a list is cut; at least 1.
	MaxRows int
	// Exact makes every scrape read everything again.
	Exact bool
	// Recount is the share of a core that reading what has ended again may take,
	// from 0 to 1.
	Recount float64

	now func() time.Time // for tests
}

var (
	_ ports.Viewer      = (*Store)(nil)
	_ ports.StageSource = (*Store)(nil)
	_ ports.QueueSource = (*Store)(nil)
	_ ports.AgentSource = (*Store)(nil)
	_ ports.CostSource  = (*Store)(nil)
)

// New returns a store over a database. It touches nothing yet.
func New(e engine.Engine, opts Options) (*Store, error) {
	if opts.MaxRows < 1 {
		return nil, fmt.Errorf("open store: row cap %d is below 1", opts.MaxRows)
	}
	if opts.now == nil {
		opts.now = time.Now
	}
	s := &Store{engine: e, opts: opts, models: &models{}}
	s.jobs, s.runs = newSums(jobsTable(), opts), newSums(runsTable(s.models), opts)
	return s, nil
}

// scrape is what the readings of one scrape share.
type scrape struct {
	*engine.View

	began  time.Time
	active active // for who has a session of the view; nil until it is read
	many   int64  // how many there are, once counted, where these are but the first
	jobs   shared[jobSums]
	runs   shared[runSums]
	due    atomic.Bool // old rows are to be read again before it ends
}

// scrapeKey is the context key of a store's own scrape, so that several stores can
// share one.
type scrapeKey struct{ store *Store }

// View implements ports.Viewer. Where old rows are due they are read after the reader has
// its answer, within the time that it had: the view ends some milliseconds later.
func (s *Store) View(ctx context.Context) (context.Context, func()) {
	v := &scrape{View: engine.NewView(ctx, s.engine), began: s.opts.now()}
	ctx = context.WithValue(ctx, scrapeKey{s}, v)
	return ctx, func() {
		if v.due.Load() {
			go s.readInTurn(ctx, v)
		} else {
			v.End()
		}
	}
}

// viewOf returns the scrape of a context, or a new one for a reading on its own, in a
// context that has it, and what ends it.
func (s *Store) viewOf(ctx context.Context) (context.Context, *scrape, func()) {
	end := func() {}
	v, ok := ctx.Value(scrapeKey{s}).(*scrape)
	if !ok {
		ctx, end = s.View(ctx)
		v, _ = ctx.Value(scrapeKey{s}).(*scrape)
	}
	return ctx, v, end
}

// queries is what one reading queries with.
type queries struct {
	*engine.Session
	*statements
}

// read runs one reading in the scrape's view, or in one of its own. What comes with an
// error is what was read all the same.
func read[T any](ctx context.Context, s *Store, fn func(*queries) (T, error)) (value T, err error) {
	ctx, v, done := s.viewOf(ctx)
	defer done()
	session, err := v.Session(ctx)
	if err != nil {
		return value, err //nolint:wrapcheck // says what it could not do
	}
	defer session.End()
	value, err = fn(&queries{session, s.statements(session)})
	if errors.Is(err, domain.CodeTooLarge) {
		if err = session.Guard(true); err == nil {
			value, err = fn(&queries{session, s.statements(session)})
		}
	}
	if err = session.Check(err); errors.Is(err, domain.CodeDBBusy) {
		var none T
		return none, err // what was read may be torn
	}
	return value, err //nolint:wrapcheck // says what it could not do
}
