package app

import (
	"context"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// RunningJobs reads the running jobs once in a scrape, so that the agents and
// their cost are of the same rows whatever the source is.
type RunningJobs struct {
	source ports.AgentSource
	guard  guard
}

var _ ports.AgentSource = (*RunningJobs)(nil)

// NewRunningJobs returns the source, for the sections of agents and cost.
func NewRunningJobs(source ports.AgentSource) *RunningJobs {
	return &RunningJobs{source: source}
}

type runningKey struct{ jobs *RunningJobs }

// begin begins the reading of a scrape, and returns when it is under way: it comes
// before all others, since who knows the running jobs can look at their processes
// while the rest is read. RunningJobs waits for it in the context that is returned.
func (r *RunningJobs) begin(ctx context.Context) context.Context {
	underWay := make(chan struct{})
	reading := begin(ctx, &r.guard, func(ctx context.Context) (ports.Reading[[]domain.RunningJob], error) {
		close(underWay)
		return r.source.RunningJobs(ctx)
	})
	select {
	case <-underWay:
	case <-reading.done: // it was refused
	}
	return context.WithValue(ctx, runningKey{r}, reading)
}

// RunningJobs implements ports.AgentSource. All callers in a scrape share its
// reading, and wait for it as long as they like.
func (r *RunningJobs) RunningJobs(ctx context.Context) (ports.Reading[[]domain.RunningJob], error) {
	reading, ok := ctx.Value(runningKey{r}).(*call[ports.Reading[[]domain.RunningJob]])
	if !ok {
		reading = begin(ctx, &r.guard, r.source.RunningJobs)
	}
	return reading.wait(ctx)
}
