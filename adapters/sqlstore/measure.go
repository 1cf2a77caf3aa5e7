package sqlstore

import (
	"context"
	"errors"

	"github.com/orchmetrics/orchmetrics/domain"
)

// AtLeast tells whether a table that scrapes read has so many rows. It reads no more
// of them than that. The error wraps a domain.Code.
func (s *Store) AtLeast(ctx context.Context, table string, rows int64) (bool, error) {
	return read(ctx, s, func(q *queries) (bool, error) {
		counted := q.Query("SELECT count(*) FROM (SELECT 1 FROM "+table+" LIMIT ?) some", rows)
		var found int64
		for counted.Next() {
			found = counted.Count()
		}
		return found >= rows, counted.Close()
	})
}

// Rehearse reads what a scrape reads, as a scrape does. More is set if a part was not
// read in time, so that the next call may take longer, or shorter where it was the
// history, of which each call takes in a part. The error is that of what could not be
// read.
func (s *Store) Rehearse(ctx context.Context) (more bool, err error) {
	ctx, end := s.View(ctx)
	defer end()
	_, tasks := s.ActiveTasks(ctx)
	_, jobs := s.RunningJobs(ctx)
	_, counts := s.StatusCounts(ctx)
	_, retries := s.Retries(ctx)
	_, costs := s.CostTotals(ctx)
	err = errors.Join(tasks, jobs, counts, retries, costs)
	return errors.Is(err, domain.CodeCounting) || errors.Is(err, domain.CodeTimeout), err
}
