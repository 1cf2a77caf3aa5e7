package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// AtLeast tells whether a table that scrapes read has so many rows. It reads no more
// of them than that. The error wraps a domain.Code.
func (s *Store) AtLeast(ctx context.Context, table string, rows int64) (bool, error) {
	var found int64
	v := newView(ctx, s)
	defer v.end()
	err := v.do(ctx, func(ses *session) error {
		return ses.query(func(row *cells) { found = row.orZero() }, fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s LIMIT ?)", table), rows)
	})
	return found >= rows, classify(err)
}

// Held reads what a scrape reads, and returns how long that kept a lock that a writer
// with a rollback journal has to wait for: from the moment it was got until it was
// given back (SHARED, see https://www.sqlite.org/lockingv3.html). More is set if a
// part was not read in time, so that the next call may take longer, or shorter where
// it was the history, of which each call takes in a part. An error means that there
// was no lock; it wraps a domain.Code.
func (s *Store) Held(ctx context.Context) (held time.Duration, more bool, err error) {
	ctx, end := s.View(ctx)
	v, _ := ctx.Value(viewKey{s}).(*view)
	if err := v.do(ctx, func(*session) error { return nil }); err != nil {
		end()
		return 0, false, classify(err)
	}
	began := time.Now()
	_, tasks := s.ActiveTasks(ctx)
	_, jobs := s.RunningJobs(ctx)
	_, counts := s.StatusCounts(ctx)
	_, retries := s.Retries(ctx)
	_, costs := s.CostTotals(ctx)
	end()
	held = time.Since(began)
	err = errors.Join(tasks, jobs, counts, retries, costs) // tells of drift too, which takes no time
	return held, errors.Is(err, domain.CodeCounting) || errors.Is(err, domain.CodeTimeout), nil
}
