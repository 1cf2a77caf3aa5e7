package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/app"
	"github.com/orchmetrics/orchmetrics/mocks"
	"github.com/orchmetrics/orchmetrics/ports"
)

func TestHealthySources(t *testing.T) {
	w := newWorld(t)
	assert.Equal(t, healthy(), scrape(t, w.service(t)))
	for _, source := range sources {
		assert.Equal(t, 1, w.called(source.method), "%s is read once, the running jobs for agents and cost too", source.method)
	}
}

func TestIdleSources(t *testing.T) {
	w := newWorld(t)
	w.stages = mocks.NewStageSource(t)
	w.stages.EXPECT().ActiveTasks(anything).Return(ports.Reading[[]domain.Task]{}, nil)
	w.agents = mocks.NewAgentSource(t)
	w.agents.EXPECT().RunningJobs(anything).Return(ports.Reading[[]domain.RunningJob]{}, nil)
	envelope := scrape(t, w.service(t))
	assert.Equal(t, []domain.Stage{}, envelope.Stages)
	assert.Equal(t, []domain.Agent{}, envelope.Agents)
	assert.Equal(t, []domain.RunningCost{}, envelope.Cost.Running)
	for _, key := range []string{"stages", "agents", "cost"} {
		assert.Equal(t, domain.SectionReport{Status: domain.StatusOK, Rows: new(int64(0))}, envelope.Sections[key], "idle, not unknown")
	}
	assert.Zero(t, w.called("Sample"), "no process to look at")
}

// Ages count from generated_at, which has whole seconds, to the whole second of
// the timestamp, as the database counts. They are not clamped.
func TestAges(t *testing.T) {
	at := func(offset time.Duration) *time.Time { return new(noon.Add(offset)) }
	cases := map[string]struct {
		since *time.Time
		age   *int64
	}{
		"unknown":                         {nil, nil},
		"the same second":                 {at(0), new(int64(0))},
		"the same second, later":          {at(999 * time.Millisecond), new(int64(0))},
		"a second before":                 {at(-time.Second), new(int64(1))},
		"less than a second before":       {at(-time.Millisecond), new(int64(1))},
		"more than a second before":       {at(-1001 * time.Millisecond), new(int64(2))},
		"in the future":                   {at(time.Second), new(int64(-1))},
		"in the future, and a bit":        {at(1999 * time.Millisecond), new(int64(-1))},
		"far in the future":               {at(24 * time.Hour), new(int64(-86400))},
		"before 1970":                     {new(time.Unix(-1, 5).UTC()), new(noon.Unix() + 1)},
		"the first day that Go can spell": {&time.Time{}, new(noon.Unix() + 62135596800)},
		"in another zone":                 {new(noon.Add(-time.Minute).In(time.FixedZone("east", 3600))), new(int64(60))},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.stages = mocks.NewStageSource(t)
			w.stages.EXPECT().ActiveTasks(anything).Return(ports.Reading[[]domain.Task]{Value: []domain.Task{{StageSince: c.since}}}, nil)
			w.agents = mocks.NewAgentSource(t)
			w.agents.EXPECT().RunningJobs(anything).Return(ports.Reading[[]domain.RunningJob]{Value: []domain.RunningJob{{StartedAt: c.since}}}, nil)
			envelope := scrape(t, w.service(t))
			assert.Equal(t, noon, envelope.GeneratedAt, "whole seconds")
			assert.Equal(t, now, envelope.Clock, "the same instant in full")
			assert.Equal(t, c.age, envelope.Stages[0].AgeInStageS)
			assert.Equal(t, c.age, envelope.Agents[0].RuntimeS)
		})
	}
}

// What could be read is kept when a source returns it with an error.
func TestPartialValueIsKept(t *testing.T) {
	missing := fmt.Errorf("read: %w", domain.CodeSchemaDrift)
	w := newWorld(t)
	tasks, counts, jobs, totals := healthyTasks(), healthyCounts(), healthyJobs(), healthyTotals()
	tasks.Truncated, jobs.Truncated = true, true
	tasks.Anomalies, counts.Anomalies, jobs.Anomalies, totals.Anomalies = 1, 2, 3, 4
	recounted := noon.Add(-time.Minute)
	totals.CountedAt = new(recounted.In(time.FixedZone("east", 3600)))
	w.stages = mocks.NewStageSource(t)
	w.stages.EXPECT().ActiveTasks(anything).Return(tasks, missing)
	w.queue = mocks.NewQueueSource(t)
	w.queue.EXPECT().StatusCounts(anything).Return(counts, missing)
	w.queue.EXPECT().Retries(anything).Return(healthyRetries(), missing)
	w.agents = mocks.NewAgentSource(t)
	w.agents.EXPECT().RunningJobs(anything).Return(jobs, missing)
	w.cost = mocks.NewCostSource(t)
	w.cost.EXPECT().CostTotals(anything).Return(totals, missing)
	w.cpu = mocks.NewCPUReader(t)
	w.cpu.EXPECT().ClockTicks().Return(new(int64(100)))
	w.cpu.EXPECT().Sample(anything, []int64{101, 103}).Return(healthySamples([]int64{101}), domain.CodeTimeout)

	want := healthy()
	for key, report := range want.Sections {
		report.Status, report.Code = domain.StatusDegraded, new(domain.CodeSchemaDrift)
		report.Truncated = key != "queue"
		report.Anomalies = map[string]int64{"stages": 1, "queue": 2, "agents": 3, "cost": 7}[key]
		if key == "cost" {
			report.RecountedAt = &recounted
		}
		want.Sections[key] = report
	}
	want.Agents[2].CPUTicks, want.Agents[2].Process = nil, nil // not sampled in time
	assert.Equal(t, want, scrape(t, w.service(t)))
}

// What JSON cannot hold becomes null and an anomaly, whichever adapter it is from.
func TestValuesThatJSONCannotHold(t *testing.T) {
	beyond := time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)
	w := newWorld(t)
	jobs, totals := healthyJobs(), healthyTotals()
	jobs.Value[0].CostUSD, jobs.Value[1].CostUSD = new(math.Inf(1)), new(math.NaN())
	totals.Value.CostUSD, totals.Value.ByModel[0].CostUSD = new(math.Inf(-1)), new(math.NaN())
	totals.CountedAt = &beyond
	state := healthyWorker()
	state.PollInterval, state.WorkerUpdatedAt = new(math.NaN()), &beyond
	samples := healthySamples([]int64{101, 103})
	samples[0].Process.StartedAt, samples[1].Process.StartedAt = &beyond, new(noon.In(time.FixedZone("east", 3600)))
	w.agents = mocks.NewAgentSource(t)
	w.agents.EXPECT().RunningJobs(anything).Return(jobs, nil)
	w.cost = mocks.NewCostSource(t)
	w.cost.EXPECT().CostTotals(anything).Return(totals, nil)
	w.worker = mocks.NewWorkerState(t)
	w.worker.EXPECT().WorkerState(anything).Return(state, nil)
	w.cpu = mocks.NewCPUReader(t)
	w.cpu.EXPECT().ClockTicks().Return(new(int64(100)))
	w.cpu.EXPECT().Sample(anything, anything).Return(samples, nil)

	want := healthy()
	want.Cost.Running[0].CostUSD, want.Cost.Aggregate.CostUSD, want.Cost.ByModel[0].CostUSD = nil, nil, nil
	want.Queue.PollInterval, want.Queue.WorkerUpdatedAt = nil, nil
	want.Agents[2].Process.StartedAt = &noon
	for key, anomalies := range map[string]int64{"queue": 2, "agents": 1, "cost": 5} {
		report := want.Sections[key]
		report.Anomalies = anomalies
		want.Sections[key] = report
	}
	service := w.service(t)
	assert.Equal(t, want, scrape(t, service))
	assert.Equal(t, want, scrape(t, service), "what a source hands out is shared: the first scrape changed none of it")
	assert.True(t, math.IsInf(*totals.Value.CostUSD, -1))
	assert.True(t, math.IsNaN(*totals.Value.ByModel[0].CostUSD))
	assert.Equal(t, &beyond, samples[0].Process.StartedAt)
	assert.Equal(t, &beyond, state.WorkerUpdatedAt)
}

func TestWorkerStates(t *testing.T) {
	deep := json.RawMessage(`{"a":` + nested(9000) + `}`)
	cases := map[string]struct {
		worker *domain.Worker
		err    error
		want   domain.Worker
		status domain.Status
		code   *domain.Code
		lost   int64
	}{
		"not configured": {nil, nil, domain.Worker{}, domain.StatusOK, nil, 0},
		"nothing written yet": {
			nil, fmt.Errorf("open: %w", domain.CodeWorkerStateMissing), domain.Worker{}, domain.StatusDegraded, new(domain.CodeWorkerStateMissing), 0,
		},
		"all unknown": {&domain.Worker{}, nil, domain.Worker{}, domain.StatusOK, nil, 0},
		"part of it": {
			&domain.Worker{MaxConcurrency: new(int64(2))}, errors.New("cut short"),
			domain.Worker{MaxConcurrency: new(int64(2))},
			domain.StatusDegraded, new(domain.CodeSourceFailed), 0,
		},
		"values that could not be read": {
			&domain.Worker{MaxConcurrency: new(int64(2)), PollInterval: new(math.Inf(1))},
			fmt.Errorf("read: %w", &ports.UnreadableError{Code: domain.CodeWorkerStateInvalid, Values: []string{"breaker is no object", "updated_at is no time"}}),
			domain.Worker{MaxConcurrency: new(int64(2))},
			domain.StatusDegraded, new(domain.CodeWorkerStateInvalid), 3,
		},
		"a breaker that is not JSON": {
			&domain.Worker{Breaker: json.RawMessage(`{`), MaxConcurrency: new(int64(2))}, nil,
			domain.Worker{MaxConcurrency: new(int64(2))},
			domain.StatusDegraded, new(domain.CodeWorkerStateInvalid), 1,
		},
		"a breaker that nests too deep": {
			&domain.Worker{Breaker: deep}, nil, domain.Worker{}, domain.StatusDegraded, new(domain.CodeWorkerStateInvalid), 1,
		},
		"another zone": {
			&domain.Worker{WorkerUpdatedAt: new(noon.In(time.FixedZone("east", 3600)))}, nil,
			domain.Worker{WorkerUpdatedAt: &noon},
			domain.StatusOK, nil, 0,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.worker = mocks.NewWorkerState(t)
			w.worker.EXPECT().WorkerState(anything).Return(c.worker, c.err).Once()
			want := healthy()
			want.Queue.Worker = c.want
			want.Sections["queue"] = domain.SectionReport{Status: c.status, Code: c.code, Anomalies: c.lost}
			assert.Equal(t, want, scrape(t, w.service(t)))
		})
	}
}

// With no worker state at all, the queue is unknown only if nothing else is known.
func TestQueueFailsOnlyIfNothingIsKnown(t *testing.T) {
	w := newWorld(t)
	for _, method := range []string{"StatusCounts", "Retries", "WorkerState"} {
		w.breaks(method, func(context.Context) error { return domain.CodeDBMissing })
	}
	envelope := scrape(t, w.service(t))
	assert.Nil(t, envelope.Queue)
	assert.Equal(t, domain.SectionReport{Status: domain.StatusFailed, Code: new(domain.CodeDBMissing)}, envelope.Sections["queue"])
}

func TestCostFailsOnlyIfNothingIsKnown(t *testing.T) {
	w := newWorld(t)
	for _, method := range []string{"RunningJobs", "CostTotals"} {
		w.breaks(method, func(context.Context) error { return domain.CodeDBMissing })
	}
	envelope := scrape(t, w.service(t))
	assert.Nil(t, envelope.Cost)
	assert.Equal(t, domain.SectionReport{Status: domain.StatusFailed, Code: new(domain.CodeDBMissing)}, envelope.Sections["cost"])
}

// Samples that do not fit the pids cannot bring down what is known of the jobs.
func TestSamplesOfAnotherNumber(t *testing.T) {
	for _, pids := range [][]int64{nil, {101}, {101, 103, 105}} {
		w := newWorld(t)
		w.cpu = mocks.NewCPUReader(t)
		w.cpu.EXPECT().ClockTicks().Return(nil)
		w.cpu.EXPECT().Sample(anything, []int64{101, 103}).Return(healthySamples(pids), nil)
		envelope := scrape(t, w.service(t))
		assert.Len(t, envelope.Agents, 3)
		assert.Nil(t, envelope.ClkTck, "null where the platform has none")
	}
}

// A section knows its ages only within a scrape.
func TestSectionsOutsideAScrape(t *testing.T) {
	w := newWorld(t)
	running := app.NewRunning(w.agents)
	for _, section := range []ports.Section{app.NewStages(w.stages), app.NewAgents(running, w.cpu, "here")} {
		_, err := section.Collect(t.Context())
		require.Error(t, err, section.Key())
	}
	cost, err := app.NewCost(running, w.cost).Collect(t.Context())
	require.NoError(t, err, "without a view the jobs are read for each who asks")
	assert.NotNil(t, cost)
	_, err = running.RunningJobs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, w.called("RunningJobs"))
}
