package app

import (
	"context"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Agents is the section of running jobs and their processes. Without the
// processes it still shows the jobs.
type Agents struct {
	jobs *RunningJobs
	cpu  ports.CPUReader
	proc guard

	recent recentSamples
}

// NewAgents returns the section over its sources.
func NewAgents(jobs *RunningJobs, cpu ports.CPUReader) *Agents {
	return &Agents{jobs: jobs, cpu: cpu}
}

// Key implements ports.Section.
func (*Agents) Key() string { return domain.KeyAgents }

// Default implements ports.Section.
func (*Agents) Default() any { return []domain.Agent{} }

// Revision implements ports.Revised. What is read of the processes changes with the
// clock tick.
func (a *Agents) Revision(ctx context.Context) (any, bool) {
	if a.cpu.ClockTicks() == nil {
		return nil, false
	}
	return revisionOf(ctx, a.jobs.source)
}

// Collect implements ports.Section.
func (a *Agents) Collect(ctx context.Context) (any, error) {
	at, err := instantOf(ctx)
	if err != nil {
		return nil, err
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
	anomalies, sampleErr := a.sample(ctx, reading.Value, agents)
	return collectedList(agents, reading.Truncated, reading.Anomalies+anomalies), join(err, sampleErr)
}

// sample fills in the processes of those agents that have a pid. The agents are
// those of the jobs, in their order.
func (a *Agents) sample(ctx context.Context, jobs []domain.RunningJob, agents []domain.Agent) (anomalies int64, err error) {
	ctx, cancel := early(ctx)
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
	samples, anomalies, err := a.samples(ctx, pids)
	processes := make([]domain.Process, len(samples)) // other jobs, and later scrapes, show the same samples
	for i := range min(len(samples), len(owners)) {
		agent := &agents[owners[i]]
		agent.CPUTicks = samples[i].CPUTicks
		if samples[i].Process == nil {
			continue
		}
		processes[i] = *samples[i].Process
		processes[i].StartedAfterJobS = nil
		if started := processes[i].StartedAt; started != nil {
			processes[i].StartedAfterJobS = secondsSince(jobs[owners[i]].StartedAt, *started)
		}
		agent.Process = &processes[i]
	}
	return anomalies, err
}

// samples takes a sample of each process, unless that was just done. What is
// played has a time of its own.
func (a *Agents) samples(ctx context.Context, pids []int64) (samples []ports.Sample, anomalies int64, err error) {
	_, played := ports.RecordedOf(ctx)
	if samples, fresh := a.recent.of(pids, a.tick()); fresh && !played {
		return samples, 0, nil
	}
	began := time.Now()
	samples, err = isolate(ctx, &a.proc, func(ctx context.Context) ([]ports.Sample, error) {
		ctx, cancel := early(ctx) // so that what was read by then still finds who waits for it
		defer cancel()
		return a.cpu.Sample(ctx, pids)
	})
	for _, sample := range samples {
		if sample.Process != nil {
			anomalies += toUTC(&sample.Process.StartedAt)
		}
	}
	if err == nil && anomalies == 0 {
		a.recent.keep(pids, began, samples)
	}
	return samples, anomalies, err
}

// tick is the kernel's unit of CPU time; 0 where it has none.
func (a *Agents) tick() time.Duration { return tickOf(a.cpu.ClockTicks()) }

func tickOf(perSecond *int64) time.Duration {
	if perSecond == nil || *perSecond <= 0 {
		return 0
	}
	return time.Second / time.Duration(*perSecond)
}
