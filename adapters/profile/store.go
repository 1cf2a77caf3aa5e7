package profile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Store is an orchestrator as its profile tells, as a source of stages, queue, agents
// and cost. It is safe for concurrent use and holds nothing open between views.
type Store struct {
	profile *Profile
	engines map[string]engine.Engine
	opts    Options
	now     func() time.Time
	// asideFor is how long a query over history may take beside the scrapes.
	asideFor time.Duration

	counts  *paced[domain.StatusCounts]
	retries *paced[*domain.Retries]
	totals  *paced[*domain.RunCosts]
}

// Options are a store's settings.
type Options struct {
	// MaxRows is where a list is cut; at least 1.
	MaxRows int
	// Exact makes every scrape read what has ended again, however long it takes.
	Exact bool
	// Recount is the share of a core that reading what has ended may take, from 0 to 1.
	Recount float64
}

var (
	_ ports.Viewer      = (*Store)(nil)
	_ ports.StageSource = (*Store)(nil)
	_ ports.QueueSource = (*Store)(nil)
	_ ports.AgentSource = (*Store)(nil)
	_ ports.CostSource  = (*Store)(nil)
)

// New returns a store over a profile's databases, by their names. It touches nothing yet.
func New(p *Profile, engines map[string]engine.Engine, opts Options) (*Store, error) {
	if opts.MaxRows < 1 {
		return nil, fmt.Errorf("open store: row cap %d is below 1", opts.MaxRows)
	}
	for _, d := range p.Databases {
		if engines[d.Name] == nil {
			return nil, fmt.Errorf("open store: no engine for the database %s", d.Name)
		}
	}
	s := &Store{profile: p, engines: engines, opts: opts, now: time.Now, asideFor: asideFor}
	s.counts, s.retries, s.totals = newPaced[domain.StatusCounts](), newPaced[*domain.Retries](), newPaced[*domain.RunCosts]()
	return s, nil
}

// scrape is what the readings of one scrape share: a view of each database, and the
// running jobs, which are shown and counted.
type scrape struct {
	began time.Time
	views map[string]*engine.View

	turn    *semaphore.Weighted // of 1: a lock that a context can give up waiting for
	running *result[[]domain.RunningJob]
}

// result is what a reading came to.
type result[T any] struct {
	reading ports.Reading[T]
	err     error
}

// scrapeKey is the context key of a store's own scrape, so that several stores can
// share one.
type scrapeKey struct{ store *Store }

// View implements ports.Viewer.
func (s *Store) View(ctx context.Context) (context.Context, func()) {
	v := &scrape{began: s.now(), views: map[string]*engine.View{}, turn: semaphore.NewWeighted(1)}
	for name, e := range s.engines {
		v.views[name] = engine.NewView(ctx, e)
	}
	end := func() {
		for _, view := range v.views {
			view.End()
		}
	}
	return context.WithValue(ctx, scrapeKey{s}, v), end
}

// viewed returns a context with a scrape: its own, or a new one for a reading on its
// own; and what ends that.
func (s *Store) viewed(ctx context.Context) (context.Context, *scrape, func()) {
	end := func() {}
	if _, found := ctx.Value(scrapeKey{s}).(*scrape); !found {
		ctx, end = s.View(ctx)
	}
	v, _ := ctx.Value(scrapeKey{s}).(*scrape)
	return ctx, v, end
}

// read runs one of the profile's queries in the scrape's view of its database.
func read[T any](
	ctx context.Context, s *Store, key string, run func(*scrape, *engine.Session, *query) (ports.Reading[T], error),
) (none ports.Reading[T], err error) {
	q := s.profile.queries[key]
	if q == nil {
		return none, fmt.Errorf("read %s: %w", key, domain.CodeNotInProfile)
	}
	ctx, v, end := s.viewed(ctx)
	defer end()
	session, err := v.views[q.database].Session(ctx)
	if err != nil {
		return none, fmt.Errorf("read %s: %w", key, s.leftOut(q, err))
	}
	defer session.End()
	if err := session.Guard(true); err != nil { // its expressions may meet any cell; all memory is limited besides
		return none, fmt.Errorf("read %s: %w", key, err)
	}
	reading, err := run(v, session, q)
	if err = session.Check(err); err == nil {
		return reading, nil
	}
	if errors.Is(err, domain.CodeDBBusy) {
		return none, fmt.Errorf("read %s: %w", key, err) // what was read may be torn
	}
	return reading, fmt.Errorf("read %s: %w", key, err)
}

// leftOut is the error of a view that cannot be opened. An optional database that is not
// there is as if the profile had nothing of what it holds.
func (s *Store) leftOut(q *query, err error) error {
	for _, d := range s.profile.Databases {
		if d.Name == q.database && d.Optional && errors.Is(err, domain.CodeDBMissing) {
			return domain.CodeNotInProfile
		}
	}
	return err
}
