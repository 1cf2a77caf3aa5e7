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
	read := sync.OnceValues(func() (ports.Reading[[]domain.RunningJob], error) {
		return r.source.RunningJobs(ctx)
	})
	return context.WithValue(ctx, runningKey{r}, read), func() {}
}

// RunningJobs implements ports.AgentSource. Within a view all callers share one
// reading, which they must not change.
func (r *RunningJobs) RunningJobs(ctx context.Context) (ports.Reading[[]domain.RunningJob], error) {
	read, shared := ctx.Value(runningKey{r}).(func() (ports.Reading[[]domain.RunningJob], error))
	if !shared {
		return r.source.RunningJobs(ctx)
	}
	return read()
}
