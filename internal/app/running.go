package app

import (
	"context"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// This file has the sections of what runs now, two views of the same jobs: their processes,
// and what they cost.

// Agents is the section of running jobs and their processes. Without the
// processes it still shows the jobs.
type Agents struct {
	jobs  *RunningJobs
	cpu   ports.CPUReader
	host  string
	guard guard
}

// NewAgents returns the section over its sources. host is the name of this host: a job
// of another one has no process here. If it is empty, every job is of this host.
func NewAgents(jobs *RunningJobs, cpu ports.CPUReader, host string) *Agents {
	return &Agents{jobs: jobs, cpu: cpu, host: host}
}

// Key implements ports.Section.
func (*Agents) Key() string { return domain.KeyAgents }

// Default implements ports.Section.
func (*Agents) Default() any { return []domain.Agent{} }

// Collect implements ports.Section.
func (a *Agents) Collect(ctx context.Context) (any, error) {
	at, ok := ports.InstantOf(ctx)
	if !ok {
		return nil, errNoInstant
	}
	reading, err := a.jobs.RunningJobs(ctx)
	if err != nil && reading.Value == nil {
		return nil, err
	}
	agents := make([]domain.Agent, len(reading.Value))
	for i, job := range reading.Value {
		agents[i] = domain.Agent{
			Agent:    job.Agent,
			RunID:    job.RunID,
			JobID:    job.ID,
			Repo:     job.Repo,
			PID:      job.PID,
			RuntimeS: secondsSince(job.StartedAt, at),
			Model:    job.Model,
			Effort:   job.Effort,
			TaskID:   job.TaskID,
			WorkItem: job.WorkItem,
			Host:     job.Host,
			JobRef:   job.Ref,
			RunRef:   job.RunRef,
			TaskRef:  job.TaskRef,
		}
	}
	anomalies, sampleErr := a.sample(ctx, reading.Value, agents)
	return ports.Collected{
		Value: agents, Rows: new(int64(len(agents))), Truncated: reading.Truncated, Anomalies: reading.Anomalies + anomalies,
	}, joined(true, err, sampleErr)
}

// sample fills in the processes of those agents that have a pid on this host. The agents
// are those of the jobs, in their order.
func (a *Agents) sample(ctx context.Context, jobs []domain.RunningJob, agents []domain.Agent) (anomalies int64, err error) {
	ctx, cancel := withMargin(ctx)
	defer cancel()
	var pids []int64
	var owners []int
	for i := range agents {
		switch pid, host := agents[i].PID, agents[i].Host; {
		case pid == nil:
		case a.host != "" && host != nil && *host != "" && !domain.SameHost(*host, a.host):
			agents[i].Process = &domain.Process{Status: domain.ProcessRemote}
		default:
			pids = append(pids, *pid)
			owners = append(owners, i)
		}
	}
	if len(pids) == 0 {
		return 0, nil
	}
	samples, err := begin(ctx, &a.guard, "processes", func(ctx context.Context) ([]ports.Sample, error) {
		ctx, cancel := withMargin(ctx) // so that what was read by then still finds who waits for it
		defer cancel()
		return a.cpu.Sample(ctx, pids)
	}).wait(ctx)
	for i, sample := range samples[:min(len(samples), len(owners))] {
		agent, job := &agents[owners[i]], jobs[owners[i]]
		agent.CPUTicks = sample.CPUTicks
		if sample.Process == nil {
			continue
		}
		process := *sample.Process
		process.StartedAt = sanitizeTime(process.StartedAt, &anomalies)
		process.StartedAfterJobS = nil // which only the job tells
		if process.StartedAt != nil && job.StartedAt != nil {
			process.StartedAfterJobS = new(process.StartedAt.Unix() - job.StartedAt.Unix())
		}
		agent.Process = &process
	}
	return anomalies, err
}

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
	reading := begin(ctx, &r.guard, "jobs", func(ctx context.Context) (ports.Reading[[]domain.RunningJob], error) {
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
		reading = begin(ctx, &r.guard, "jobs", r.source.RunningJobs)
	}
	return reading.wait(ctx)
}
