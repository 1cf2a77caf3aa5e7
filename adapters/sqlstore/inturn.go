package sqlstore

import (
	"context"
	"fmt"

	"github.com/orchmetrics/orchmetrics/domain"
)

// This file reads old rows again after a scrape whose reader has its answer already.

// readInTurn reads old rows again, and ends the view.
func (s *Store) readInTurn(ctx context.Context, v *scrape) {
	defer v.End()
	deadline, limited := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	s.jobs.readInTurn(ctx, s, &v.jobs)
	s.runs.readInTurn(ctx, s, &v.runs)
}

// readInTurn reads old rows again after a scrape, in its view. What cannot be read the
// next scrape reads itself, where it shows.
func (k *sums[S]) readInTurn(ctx context.Context, s *Store, known *shared[S]) {
	if k.turn.Acquire(ctx, 1) != nil {
		return
	}
	defer k.turn.Release(1)
	if !known.result.Due {
		return
	}
	defer func() {
		if cause := recover(); cause != nil { // nobody else isolates this goroutine
			k.panicked = fmt.Errorf("read old rows of %s: %v: %w", k.name, cause, domain.CodePanic)
		}
	}()
	_, _ = read(ctx, s, func(q *queries) (none struct{}, err error) {
		if l := q.sums[k.name]; l.err == nil && q.State.Database+" "+l.names == known.seen.Database {
			r := &reader[S]{summed: k.summed, store: s, q: q, layout: l}
			err = k.rollup.ReadInTurn(ctx, sliced[S]{r}, known.seen)
		}
		return none, err
	})
}
