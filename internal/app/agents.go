package app

import (
	"context"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Agents is the section of running jobs and their processes. Without the
// processes it still shows the jobs.
type Agents struct {
	jobs *RunningJobs
	cpu  ports.CPUReader
	proc guard
}

// NewAgents returns the section over its sources.
func NewAgents(jobs *RunningJobs, cpu ports.CPUReader) *Agents {
	return &Agents{jobs: jobs, cpu: cpu}
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
		}
	}
	anomalies, sampleErr := a.sample(ctx, agents)
	return collectedList(agents, reading.Truncated, reading.Anomalies+anomalies), join(err, sampleErr)
}

// sample fills in the processes of those agents that have a pid.
func (a *Agents) sample(ctx context.Context, agents []domain.Agent) (anomalies int64, err error) {
	ctx, cancel := withMargin(ctx)
	defer cancel()
	var pids []int64
	var owners []int
	for i, agent := range agents {
		if agent.PID != nil {
			pids = append(pids, *agent.PID)
			owners = append(owners, i)
		}
	}
	if len(pids) == 0 {
		return 0, nil
	}
	samples, err := begin(ctx, &a.proc, func(ctx context.Context) ([]ports.Sample, error) {
		return a.cpu.Sample(ctx, pids)
	}).wait(ctx)
	for i := range min(len(samples), len(owners)) {
		agent := &agents[owners[i]]
		agent.CPUTicks = samples[i].CPUTicks
		agent.Process = samples[i].Process
		if agent.Process == nil {
			continue
		}
		startedAt := sanitizeTime(agent.Process.StartedAt, &anomalies)
		if startedAt != agent.Process.StartedAt {
			agent.Process = new(*agent.Process)
			agent.Process.StartedAt = startedAt
		}
	}
	return anomalies, err
}
