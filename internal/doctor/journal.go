package doctor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/orchmetrics/orchmetrics/adapters/sqlstore"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
)

// journal says whether a writer has to wait for scrapes, and how long.
func (d *doctor) journal(ctx context.Context) Result {
	if d.db == nil || d.unreadable {
		return notChecked()
	}
	if d.postgres != nil {
		return ok("PostgreSQL: no commit waits for a scrape")
	}
	wal, err := d.sqlite.WAL(ctx)
	if err != nil {
		return dbFailure("the database", err)
	}
	if wal {
		return ok("a write-ahead log: no commit waits for a scrape")
	}
	if d.profile != nil {
		return warning("a rollback journal: no commit is made while a scrape reads; a writer whose busy_timeout is 0 is refused at once",
			"have the orchestrator run PRAGMA journal_mode=WAL once, after which no commit waits; or give it a busy_timeout of some seconds")
	}
	first, last, err := d.held(ctx)
	if err != nil {
		return dbFailure("the database", err)
	}
	took := last.String()
	switch {
	case last.whole == 0:
		took = first.String() + ", and has not summed the history yet"
	case first.whole > 2*last.whole:
		took += fmt.Sprintf(" (%s when it summed the history after its start)", first)
	}
	return warning("a rollback journal: no commit is made while a scrape reads, which kept the lock for "+took+
		"; a writer whose busy_timeout is 0 is refused at once",
		"have the orchestrator run PRAGMA journal_mode=WAL once, after which no commit waits; or give it a busy_timeout of some seconds")
}

// hold is for how long scrapes kept the lock that a commit waits for.
type hold struct {
	longest, whole time.Duration
}

func (h hold) String() string {
	return milliseconds(h.longest) + " at a time, " + milliseconds(h.whole) + " in all"
}

// held has a store scrape until all is read, and then once more. It returns the most
// that one of the former kept the lock, and what the last did; nothing of that if
// there was not time for it.
func (d *doctor) held(ctx context.Context) (first, last hold, err error) {
	timed := &timedEngine{Engine: d.sqlite}
	store, err := sqlstore.New(timed, sqlstore.Options{MaxRows: max(1, d.cfg.MaxRows), Exact: bool(d.cfg.Exact)})
	if err != nil {
		return first, last, err
	}
	for more := true; more; {
		more, err = scrape(ctx, store, d.cfg.SectionTimeout)
		now := timed.take()
		first = hold{max(first.longest, now.longest), max(first.whole, now.whole)}
		if err != nil || more && ctx.Err() != nil {
			return first, last, err
		}
	}
	_, err = scrape(ctx, store, d.cfg.SectionTimeout)
	return first, timed.take(), err
}

// scrape reads what a scrape reads. More is set if a part could not be read in time,
// as of a long history at first. An error says that nothing could be read; what is
// wrong with a part is told of elsewhere.
func scrape(ctx context.Context, store *sqlstore.Store, budget time.Duration) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	ctx, end := store.View(ctx)
	defer end()
	_, tasks := store.ActiveTasks(ctx)
	if errors.Is(tasks, domain.CodeDBBusy) {
		return false, tasks
	}
	_, jobs := store.RunningJobs(ctx)
	_, counts := store.StatusCounts(ctx)
	_, retries := store.Retries(ctx)
	_, costs := store.CostTotals(ctx)
	all := errors.Join(tasks, jobs, counts, retries, costs)
	return errors.Is(all, domain.CodeCounting) || errors.Is(all, domain.CodeTimeout), nil
}

// timedEngine notes how long its transactions are open: as long as they are, the lock
// is kept that a commit waits for (SHARED, see https://www.sqlite.org/lockingv3.html).
type timedEngine struct {
	engine.Engine

	mu   sync.Mutex
	hold hold
}

// Connect implements engine.Engine.
func (e *timedEngine) Connect(ctx context.Context) (engine.Conn, engine.State, error) {
	conn, state, err := e.Engine.Connect(ctx)
	if err != nil {
		return nil, state, err
	}
	return &timedConn{Conn: conn, engine: e, began: time.Now()}, state, nil
}

// take returns what was noted, and begins anew.
func (e *timedEngine) take() hold {
	e.mu.Lock()
	defer e.mu.Unlock()
	taken := e.hold
	e.hold = hold{}
	return taken
}

type timedConn struct {
	engine.Conn

	engine *timedEngine
	began  time.Time
}

// Close implements engine.Conn.
func (c *timedConn) Close() {
	c.Conn.Close()
	took := time.Since(c.began)
	c.engine.mu.Lock()
	defer c.engine.mu.Unlock()
	c.engine.hold.longest = max(c.engine.hold.longest, took)
	c.engine.hold.whole += took
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }
