package app

import (
	"context"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// This file has the sections of what runs now, two views of the same jobs: their processes,
// and what they cost.

type agents struct {
	*Running

	cpu   ports.CPUReader
	host  string
	guard guard
}

// NewAgents returns the section of running jobs and their processes. Without the
// processes it still shows the jobs. host is the name of this host: a job of another one
// has no process here. If it is empty, every job is of this host.
func NewAgents(running *Running, cpu ports.CPUReader, host string) ports.Section {
	return &agents{Running: running, cpu: cpu, host: host}
}

func (*agents) Key() string  { return domain.KeyAgents }
func (*agents) Default() any { return []domain.Agent{} }

func (a *agents) Collect(ctx context.Context) (any, error) {
	at, ok := ports.InstantOf(ctx)
	if !ok {
		return nil, errNoInstant
	}
	reading, err := a.RunningJobs(ctx)
	if err != nil && reading.Value == nil {
		return nil, err
	}
	shown := make([]domain.Agent, len(reading.Value))
	for i, job := range reading.Value {
		shown[i] = domain.Agent{
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
	anomalies, sampleErr := a.sample(ctx, reading.Value, shown)
	return ports.Collected{
		Value: shown, Rows: new(int64(len(shown))), Truncated: reading.Truncated, Anomalies: reading.Anomalies + anomalies,
	}, joined(true, err, sampleErr)
}

// sample fills in the processes of those agents that have a pid on this host. They are
// those of the jobs, in their order.
func (a *agents) sample(ctx context.Context, jobs []domain.RunningJob, shown []domain.Agent) (anomalies int64, err error) {
	ctx, cancel := withMargin(ctx)
	defer cancel()
	var pids []int64
	var owners []int
	for i := range shown {
		switch pid, host := shown[i].PID, shown[i].Host; {
		case pid == nil:
		case a.host != "" && host != nil && *host != "" && !domain.SameHost(*host, a.host):
			shown[i].Process = &domain.Process{Status: domain.ProcessRemote}
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
		agent, job := &shown[owners[i]], jobs[owners[i]]
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

type cost struct {
	*Running

	source ports.CostSource
	guard  guard
}

// NewCost returns the section of what runs cost. What runs now and the total are
// isolated from each other: it fails only if nothing at all is known.
func NewCost(running *Running, source ports.CostSource) ports.Section {
	return &cost{Running: running, source: source}
}

func (*cost) Key() string  { return domain.KeyCost }
func (*cost) Default() any { return (*domain.Cost)(nil) }

func (c *cost) Collect(ctx context.Context) (any, error) {
	ctx, cancel := withMargin(ctx)
	defer cancel()
	summing := begin(ctx, &c.guard, "totals", c.source.CostTotals)
	jobs, jobsErr := c.RunningJobs(ctx)
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
	value := &domain.Cost{Running: running, ByModel: []domain.ModelCost{}}
	if all := totals.Value; all != nil {
		value.Aggregate, value.ByModel = new(all.CostTotals), append(value.ByModel, all.ByModel...)
		value.Aggregate.CostUSD = sanitizeNumber(all.CostUSD, &anomalies)
		for i := range value.ByModel {
			value.ByModel[i].CostUSD = sanitizeNumber(value.ByModel[i].CostUSD, &anomalies)
		}
	}
	collected := ports.Collected{Value: value, Truncated: jobs.Truncated, Anomalies: anomalies, CountedAt: totals.CountedAt, AsOf: totals.AsOf}
	if jobs.Value != nil || jobsErr == nil { // else it is unknown, where 0 would mean idle
		collected.Rows = new(int64(len(running)))
	}
	return collected, err
}

// Running reads the running jobs once in a scrape, so that the agents and their cost are
// of the same rows whatever the source is.
type Running struct {
	source ports.AgentSource
	reads  guard
}

// NewRunning returns what the sections of agents and cost share.
func NewRunning(source ports.AgentSource) *Running { return &Running{source: source} }

// beginner is a section that has something begun before all others are asked.
type beginner interface {
	begin(ctx context.Context) context.Context
}

type runningKey struct{ running *Running }

// begin begins the reading of a scrape, and returns when it is under way: it comes
// before all others, since who knows the running jobs can look at their processes
// while the rest is read. RunningJobs waits for it in the context that is returned.
func (r *Running) begin(ctx context.Context) context.Context {
	underWay := make(chan struct{})
	reading := begin(ctx, &r.reads, "jobs", func(ctx context.Context) (ports.Reading[[]domain.RunningJob], error) {
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
func (r *Running) RunningJobs(ctx context.Context) (ports.Reading[[]domain.RunningJob], error) {
	reading, ok := ctx.Value(runningKey{r}).(*call[ports.Reading[[]domain.RunningJob]])
	if !ok {
		reading = begin(ctx, &r.reads, "jobs", r.source.RunningJobs)
	}
	return reading.wait(ctx)
}
