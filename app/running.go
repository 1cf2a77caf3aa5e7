package app

import (
	"context"
	"sync"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// RunningJobs reads the running jobs once in a scrape, so that the agents and
// their cost are of the same rows whatever the source is.
type RunningJobs struct {
	source ports.AgentSource
	guard  guard
}

type runningKey struct{ jobs *RunningJobs }

var (
	_ ports.AgentSource = (*RunningJobs)(nil)
	_ ports.Viewer      = (*RunningJobs)(nil)
)

// NewRunningJobs returns the source, to be read once in a view.
func NewRunningJobs(source ports.AgentSource) *RunningJobs {
	return &RunningJobs{source: source}
}

// View implements ports.Viewer. The reading is in the views of ctx, and under
// its deadline.
func (r *RunningJobs) View(ctx context.Context) (context.Context, func()) {
	shared := sync.OnceValue(func() *call[ports.Reading[[]domain.RunningJob]] {
		return begin(ctx, &r.guard, r.source.RunningJobs)
	})
	return context.WithValue(ctx, runningKey{r}, shared), func() {}
}

// RunningJobs implements ports.AgentSource. Within a view all callers share one
// reading, which they must not change, and wait for it as long as they like.
func (r *RunningJobs) RunningJobs(ctx context.Context) (ports.Reading[[]domain.RunningJob], error) {
	shared, ok := ctx.Value(runningKey{r}).(func() *call[ports.Reading[[]domain.RunningJob]])
	if !ok {
		return isolate(ctx, &r.guard, r.source.RunningJobs)
	}
	return shared().wait(ctx)
}
