// Package sqlstore reads what the orchestrator's tables mean, on any engine that has
// them. It knows tables and no file. One file has the schema, and one each source.
package sqlstore

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Store is the orchestrator's database as a source of stages, queue, agents and
// cost. It is safe for concurrent use and holds nothing open between views.
type Store struct {
	engine  engine.Engine
	maxRows int
	exact   bool
	now     func() time.Time
	schema  atomic.Pointer[schema] // of the edition that was read last
	jobs    *sums[jobSums]
	runs    *sums[runSums]
	models  *models
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
	s := &Store{engine: e, maxRows: opts.MaxRows, exact: opts.Exact, now: time.Now, models: &models{}}
	clock := func() time.Time { return s.now() }
	s.jobs = newSums(jobsTable(), opts.Recount, clock)
	s.runs = newSums(runsTable(s.models), opts.Recount, clock)
	return s, nil
}

// scrape is what the readings of one scrape share.
type scrape struct {
	*engine.View

	began  time.Time
	active active // for who has a session of the view; nil until it is read
	jobs   shared[jobSums]
	runs   shared[runSums]
}

// scrapeKey is the context key of a store's own scrape, so that several stores can
// share one.
type scrapeKey struct{ store *Store }

// View implements ports.Viewer.
func (s *Store) View(ctx context.Context) (context.Context, func()) {
	v := &scrape{View: engine.NewView(ctx, s.engine), began: s.now()}
	return context.WithValue(ctx, scrapeKey{s}, v), v.End
}

// viewOf returns the scrape of a context, or a new one for a reading on its own, and
// what ends that.
func (s *Store) viewOf(ctx context.Context) (*scrape, func()) {
	if v, ok := ctx.Value(scrapeKey{s}).(*scrape); ok {
		return v, func() {}
	}
	v := &scrape{View: engine.NewView(ctx, s.engine), began: s.now()}
	return v, v.End
}
