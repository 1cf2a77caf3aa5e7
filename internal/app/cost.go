package app

import (
	"context"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Cost is the section of what runs cost. What runs now and the total are
// isolated from each other.
type Cost struct {
	jobs   *RunningJobs
	source ports.CostSource
	guard  guard
}

// NewCost returns the section over its sources.
func NewCost(jobs *RunningJobs, source ports.CostSource) *Cost {
	return &Cost{jobs: jobs, source: source}
}

// Key implements ports.Section.
func (*Cost) Key() string { return domain.KeyCost }

// Default implements ports.Section.
func (*Cost) Default() any { return (*domain.Cost)(nil) }

// Collect implements ports.Section. It fails only if nothing at all is known.
func (c *Cost) Collect(ctx context.Context) (any, error) {
	ctx, cancel := withMargin(ctx)
	defer cancel()
	summing := begin(ctx, &c.guard, "totals", c.source.CostTotals)
	jobs, jobsErr := c.jobs.RunningJobs(ctx)
	totals, totalsErr := summing.wait(ctx)

	known := jobs.Value != nil || totals.Value != nil
	err := joined(known, jobsErr, totalsErr)
	if err != nil && !known {
		return nil, err
	}
	anomalies := jobs.Anomalies + totals.Anomalies
	running := make([]domain.RunningCost, len(jobs.Value))
	for i, job := range jobs.Value {
		running[i] = domain.RunningCost{
			RunID:               job.RunID,
			JobID:               job.ID,
			Agent:               job.Agent,
			CostUSD:             sanitizeNumber(job.CostUSD, &anomalies),
			InputTokens:         job.InputTokens,
			OutputTokens:        job.OutputTokens,
			CacheReadTokens:     job.CacheReadTokens,
			CacheCreationTokens: job.CacheCreationTokens,
			Model:               job.Model,
			JobRef:              job.Ref,
			RunRef:              job.RunRef,
		}
	}
	cost := &domain.Cost{Running: running, ByModel: []domain.ModelCost{}}
	if all := totals.Value; all != nil {
		cost.Aggregate, cost.ByModel = new(all.CostTotals), append(cost.ByModel, all.ByModel...)
		cost.Aggregate.CostUSD = sanitizeNumber(all.CostUSD, &anomalies)
		for i := range cost.ByModel {
			cost.ByModel[i].CostUSD = sanitizeNumber(cost.ByModel[i].CostUSD, &anomalies)
		}
	}
	collected := ports.Collected{Value: cost, Truncated: jobs.Truncated, Anomalies: anomalies, CountedAt: totals.CountedAt, AsOf: totals.AsOf}
	if jobs.Value != nil || jobsErr == nil { // else it is unknown, where 0 would mean idle
		collected.Rows = new(int64(len(running)))
	}
	return collected, err
}
