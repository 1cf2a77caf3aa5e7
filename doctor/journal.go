package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/adapters/sqlstore"
	"github.com/orchmetrics/orchmetrics/internal/sqlite"
)

// journal says whether a writer has to wait for scrapes, and how long.
func (d *doctor) journal(ctx context.Context) Result {
	if d.store == nil || d.unreadable {
		return notChecked()
	}
	wal, err := d.engine.WAL(ctx)
	if err != nil {
		return dbFailure("the database", err)
	}
	if wal {
		return ok("a write-ahead log: no commit waits for a scrape")
	}
	engine, store := newStore(d.cfg, bool(d.cfg.Exact))
	longest, last, err := held(ctx, engine, store, d.cfg.SectionTimeout)
	if err != nil {
		return dbFailure("the database", err)
	}
	took := fmt.Sprintf("which took %s", milliseconds(last))
	switch {
	case last == 0:
		took = fmt.Sprintf("which takes more than %s", milliseconds(longest))
	case longest > 2*last:
		took += fmt.Sprintf(", and %s when it summed the history after its start", milliseconds(longest))
	}
	return warning("a rollback journal: no commit is made while a scrape reads, "+took+"; a writer whose busy_timeout is 0 is refused at once",
		"have the orchestrator run PRAGMA journal_mode=WAL once, after which no commit waits; or give it a busy_timeout of some seconds")
}

// held has a store scrape until all is read, and then once more. It returns the
// longest time for which one of these scrapes kept its lock, and that of the last;
// this is 0 if there was not time for it.
func held(
	ctx context.Context, engine *sqlite.Engine, store *sqlstore.Store, budget time.Duration,
) (longest, last time.Duration, err error) {
	scrape := func() (took time.Duration, more bool, err error) {
		ctx, cancel := context.WithTimeout(ctx, budget)
		defer cancel()
		more, err = store.Rehearse(ctx)
		if took = engine.Held(); took > 0 {
			err = nil // what is missing in it, other checks tell
		}
		return took, more, err
	}
	more := true
	for more && ctx.Err() == nil {
		if last, more, err = scrape(); err != nil {
			return 0, 0, err
		}
		longest = max(longest, last)
	}
	if more {
		return longest, 0, nil
	}
	if last, _, err = scrape(); err != nil {
		return 0, 0, err
	}
	return max(longest, last), last, nil
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }
