package app_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/contract/contracttest"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/app"
	"github.com/orchmetrics/orchmetrics/mocks"
	"github.com/orchmetrics/orchmetrics/ports"
)

const timeout = time.Second

// noon is the instant of every scrape, a quarter of a second after the whole.
var (
	noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	now  = domain.Instant{UnixMS: noon.UnixMilli() + 250, BoottimeMS: new(int64(5000)), BootID: new("boot")}
)

// world is every source of the service as a mock that answers well, unless a
// fault is set for it.
type world struct {
	stages *mocks.StageSource
	queue  *mocks.QueueSource
	agents *mocks.AgentSource
	cost   *mocks.CostSource
	worker *mocks.WorkerState
	cpu    *mocks.CPUReader
	clock  *mocks.Clock

	extra []ports.Section
	views []ports.Viewer
	opts  app.Options

	mu     sync.Mutex
	faults map[string]func(context.Context) error
	calls  map[string]int
}

// newWorld returns a world whose mocks may be called any number of times.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		stages: mocks.NewStageSource(t),
		queue:  mocks.NewQueueSource(t),
		agents: mocks.NewAgentSource(t),
		cost:   mocks.NewCostSource(t),
		worker: mocks.NewWorkerState(t),
		cpu:    mocks.NewCPUReader(t),
		clock:  mocks.NewClock(t),
		opts:   app.Options{Enabled: true, SectionTimeout: timeout, Version: "test", Logger: slog.New(slog.DiscardHandler)},
		faults: map[string]func(context.Context) error{},
		calls:  map[string]int{},
	}
	w.stages.EXPECT().ActiveTasks(mock.Anything).RunAndReturn(answer(w, "ActiveTasks", healthyTasks)).Maybe()
	w.queue.EXPECT().StatusCounts(mock.Anything).RunAndReturn(answer(w, "StatusCounts", healthyCounts)).Maybe()
	w.queue.EXPECT().Retries(mock.Anything).RunAndReturn(answer(w, "Retries", healthyRetries)).Maybe()
	w.agents.EXPECT().RunningJobs(mock.Anything).RunAndReturn(answer(w, "RunningJobs", healthyJobs)).Maybe()
	w.cost.EXPECT().CostTotals(mock.Anything).RunAndReturn(answer(w, "CostTotals", healthyTotals)).Maybe()
	w.worker.EXPECT().WorkerState(mock.Anything).RunAndReturn(answer(w, "WorkerState", healthyWorker)).Maybe()
	w.cpu.EXPECT().ClockTicks().Return(new(int64(100))).Maybe()
	w.cpu.EXPECT().Sample(mock.Anything, mock.Anything).RunAndReturn(
		func(ctx context.Context, pids []int64) ([]ports.Sample, error) {
			return answer(w, "Sample", func() []ports.Sample { return healthySamples(pids) })(ctx)
		}).Maybe()
	w.clock.EXPECT().Now().Return(now).Maybe()
	return w
}

// answer returns what a mock does: the value, or its fault.
func answer[T any](w *world, method string, value func() T) func(context.Context) (T, error) {
	return func(ctx context.Context) (T, error) {
		w.mu.Lock()
		w.calls[method]++
		fault := w.faults[method]
		w.mu.Unlock()
		if fault != nil {
			if err := fault(ctx); err != nil {
				var none T
				return none, err
			}
		}
		return value(), nil
	}
}

// breaks sets what happens when a method is called; nil makes it well again.
func (w *world) breaks(method string, fault func(context.Context) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[method] = fault
}

// called is how often a method was called.
func (w *world) called(method string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[method]
}

// build is NewService over the core sections and the extra ones.
func (w *world) build() (*app.Service, error) {
	running := app.NewRunning(w.agents)
	sections := append([]ports.Section{
		app.NewStages(w.stages), app.NewQueue(w.queue, w.worker), app.NewAgents(running, w.cpu, "here"), app.NewCost(running, w.cost),
	}, w.extra...)
	return app.NewService(sections, w.views, w.clock, w.cpu, w.opts)
}

func (w *world) service(t *testing.T) *app.Service {
	t.Helper()
	service, err := w.build()
	require.NoError(t, err)
	return service
}

// scrape takes a snapshot without what differs between runs, and checks that it
// is what the contract says.
func scrape(t *testing.T, service *app.Service, keys ...string) domain.Envelope {
	t.Helper()
	envelope, err := service.Snapshot(t.Context(), keys...)
	require.NoError(t, err)
	require.NoError(t, envelope.Validate(), "a recording of it is played")
	body, err := json.Marshal(envelope)
	require.NoError(t, err)
	contracttest.Validate(t, body)
	envelope.Instance = domain.Instance{}
	envelope.Sections = maps.Clone(envelope.Sections) // it is shared
	for key, report := range envelope.Sections {
		require.GreaterOrEqual(t, report.DurationMS, 0.0)
		report.DurationMS = 0
		envelope.Sections[key] = report
	}
	return envelope
}

func healthyTasks() ports.Reading[[]domain.Task] {
	return ports.Reading[[]domain.Task]{Value: []domain.Task{
		{ID: 1, WorkItem: new("ORCH-1"), Stage: "review", Repo: new("core"), StageSince: new(noon.Add(-time.Minute))},
		{ID: 2, Stage: "analysis"},
	}}
}

func healthyCounts() ports.Reading[domain.StatusCounts] {
	return ports.Reading[domain.StatusCounts]{Value: domain.StatusCounts{"queued": 3, "running": 2, "paused": 1}}
}

func healthyRetries() ports.Reading[*domain.Retries] {
	return ports.Reading[*domain.Retries]{Value: &domain.Retries{RetriedJobs: 1, RetriesTotal: 2, MaxAttemptsSeen: 3}}
}

func healthyJobs() ports.Reading[[]domain.RunningJob] {
	return ports.Reading[[]domain.RunningJob]{Value: []domain.RunningJob{
		{
			ID: 21, RunID: new(int64(41)), Agent: new("developer"), Repo: new("core"), PID: new(int64(101)),
			StartedAt: new(noon.Add(-time.Hour)), Model: new("m"), Effort: new("high"), CostUSD: new(0.5), InputTokens: new(int64(7)),
			OutputTokens: new(int64(8)), CacheReadTokens: new(int64(9)), CacheCreationTokens: new(int64(10)),
			TaskID: new(int64(1)), WorkItem: new("ORCH-1"),
		},
		{ID: 22},
		{ID: 23, PID: new(int64(103))},
	}}
}

func healthyTotals() ports.Reading[*domain.RunCosts] {
	return ports.Reading[*domain.RunCosts]{Value: &domain.RunCosts{
		CostTotals: domain.CostTotals{Runs: 5, CostUSD: new(1.5), InputTokens: new(int64(70))},
		ByModel: []domain.ModelCost{
			{Model: new("m"), CostTotals: domain.CostTotals{Runs: 4, CostUSD: new(1.25), InputTokens: new(int64(70))}},
			{CostTotals: domain.CostTotals{Runs: 1, CostUSD: new(0.25)}},
		},
	}}
}

func healthyWorker() *domain.Worker {
	return &domain.Worker{
		Breaker: json.RawMessage(`{"state":"closed"}`), MaxConcurrency: new(int64(4)), PollInterval: new(2.0), WorkerUpdatedAt: new(noon),
	}
}

func healthySamples(pids []int64) []ports.Sample {
	samples := make([]ports.Sample, len(pids))
	for i, pid := range pids {
		samples[i] = ports.Sample{CPUTicks: new(pid * 10), Process: &domain.Process{
			Status: domain.ProcessOK, StartTicks: new(pid), RunNS: new(pid * 1e7), TimeSlices: new(pid * 2), ReadBytes: new(pid * 3), WrittenBytes: new(pid * 4),
			TreeRunNS: new(pid * 2e7), TreeTimeSlices: new(pid * 5), TreeReadBytes: new(pid * 6), TreeWrittenBytes: new(pid * 7),
		}}
	}
	return samples
}

// healthy is the envelope of a world without faults.
func healthy() domain.Envelope {
	ok := func(rows *int64) domain.SectionReport {
		return domain.SectionReport{Status: domain.StatusOK, Rows: rows}
	}
	jobs := healthyJobs().Value[0]
	samples := healthySamples([]int64{101, 103})
	return domain.Envelope{
		SchemaVersion: 1,
		GeneratedAt:   noon,
		ClkTck:        new(int64(100)),
		Stages: []domain.Stage{
			{WorkItem: new("ORCH-1"), Stage: "review", AgeInStageS: new(int64(60)), Repo: new("core"), TaskID: 1},
			{Stage: "analysis", TaskID: 2},
		},
		Queue: &domain.Queue{
			Counts: healthyCounts().Value, Depth: new(int64(3)), Retries: healthyRetries().Value, Worker: *healthyWorker(),
		},
		Agents: []domain.Agent{
			{
				Agent: jobs.Agent, RunID: jobs.RunID, JobID: 21, Repo: jobs.Repo, PID: jobs.PID, RuntimeS: new(int64(3600)),
				Model: jobs.Model, Effort: jobs.Effort, CPUTicks: samples[0].CPUTicks, Process: samples[0].Process,
				TaskID: jobs.TaskID, WorkItem: jobs.WorkItem,
			},
			{JobID: 22},
			{JobID: 23, PID: new(int64(103)), CPUTicks: samples[1].CPUTicks, Process: samples[1].Process},
		},
		Cost: &domain.Cost{
			Running: []domain.RunningCost{
				{
					RunID: jobs.RunID, JobID: 21, Agent: jobs.Agent, CostUSD: jobs.CostUSD, InputTokens: jobs.InputTokens,
					OutputTokens: jobs.OutputTokens, CacheReadTokens: jobs.CacheReadTokens, CacheCreationTokens: jobs.CacheCreationTokens,
					Model: jobs.Model,
				},
				{JobID: 22},
				{JobID: 23},
			},
			Aggregate: &healthyTotals().Value.CostTotals, ByModel: healthyTotals().Value.ByModel,
		},
		Clock: now,
		Sections: map[string]domain.SectionReport{
			"stages": ok(new(int64(2))), "queue": ok(nil), "agents": ok(new(int64(3))), "cost": ok(new(int64(3))),
		},
	}
}

const anything = mock.Anything

// nested is a list within a list, so many levels deep.
func nested(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
