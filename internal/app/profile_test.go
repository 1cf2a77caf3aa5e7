package app_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/mocks"
	"github.com/orchmetrics/orchmetrics/ports"
)

// A process of another host is not looked up, though its pid is there, too. This host is
// "here".
func TestRemote(t *testing.T) {
	w := newWorld(t)
	job := func(id int64, host *string) domain.RunningJob {
		return domain.RunningJob{ID: id, PID: new(100 + id), Host: host}
	}
	w.running(t, job(1, nil), job(2, new("HERE")), job(3, new("here.example.org")), job(4, new("there")), job(5, new("")), job(6, new("there.example.org")))
	w.sampling(t, func(_ context.Context, pids []int64) ([]ports.Sample, error) {
		assert.Equal(t, []int64{101, 102, 103, 105}, pids)
		return []ports.Sample{started(nil), started(nil), started(nil), started(nil)}, nil
	})
	agents := scrape(t, w.service(t)).Agents
	for i, remote := range []bool{false, false, false, true, false, true} {
		if remote {
			assert.Equal(t, &domain.Process{Status: domain.ProcessRemote}, agents[i].Process)
			assert.Nil(t, agents[i].CPUTicks)
			assert.NotNil(t, agents[i].PID)
		} else {
			assert.Equal(t, domain.ProcessOK, agents[i].Process.Status)
		}
	}
}

// What a profile does not have is null and degrades nothing; a section of which it has
// nothing is disabled.
func TestLeftOut(t *testing.T) {
	w := newWorld(t)
	w.stages = mocks.NewStageSource(t)
	w.stages.EXPECT().ActiveTasks(anything).Return(ports.Reading[[]domain.Task]{}, domain.CodeNotInProfile)
	w.queue = mocks.NewQueueSource(t)
	w.queue.EXPECT().StatusCounts(anything).Return(ports.Reading[domain.StatusCounts]{Value: domain.NewStatusCounts()}, nil)
	w.queue.EXPECT().Retries(anything).Return(ports.Reading[*domain.Retries]{}, domain.CodeNotInProfile)
	w.cost = mocks.NewCostSource(t)
	w.cost.EXPECT().CostTotals(anything).Return(ports.Reading[*domain.RunCosts]{}, domain.CodeNotInProfile)
	e := scrape(t, w.service(t))
	assert.Equal(t, domain.StatusDisabled, e.Sections["stages"].Status)
	require.NotNil(t, e.Sections["stages"].Code)
	assert.Equal(t, domain.CodeNotInProfile, *e.Sections["stages"].Code)
	assert.Empty(t, e.Stages)
	assert.Equal(t, domain.StatusOK, e.Sections["queue"].Status)
	assert.Nil(t, e.Queue.Retries)
	assert.NotNil(t, e.Queue.Counts)
	assert.Equal(t, domain.StatusOK, e.Sections["cost"].Status)
	assert.Nil(t, e.Cost.Aggregate)
}

// TestLeftOut_Running: costs without running jobs are those that there are; what went wrong
// with them is not hidden by what is left out.
func TestLeftOut_Running(t *testing.T) {
	for name, tc := range map[string]struct {
		totals *domain.RunCosts
		err    error
		status domain.Status
		code   *domain.Code
	}{
		"costs":           {&domain.RunCosts{CostTotals: domain.CostTotals{Runs: 3}}, nil, domain.StatusOK, nil},
		"costs in part":   {&domain.RunCosts{}, domain.CodeUnreadableCells, domain.StatusDegraded, new(domain.CodeUnreadableCells)},
		"unreadable":      {nil, domain.CodeDBCorrupt, domain.StatusFailed, new(domain.CodeDBCorrupt)},
		"none that exist": {nil, domain.CodeNotInProfile, domain.StatusDisabled, new(domain.CodeNotInProfile)},
	} {
		w := newWorld(t)
		w.agents = mocks.NewAgentSource(t)
		w.agents.EXPECT().RunningJobs(anything).Return(ports.Reading[[]domain.RunningJob]{}, domain.CodeNotInProfile)
		w.cost = mocks.NewCostSource(t)
		w.cost.EXPECT().CostTotals(anything).Return(ports.Reading[*domain.RunCosts]{Value: tc.totals}, tc.err)
		e := scrape(t, w.service(t))
		assert.Equal(t, domain.StatusDisabled, e.Sections["agents"].Status)
		assert.Equal(t, tc.status, e.Sections["cost"].Status, name)
		assert.Equal(t, tc.code, e.Sections["cost"].Code, name)
		assert.Nil(t, e.Sections["cost"].Rows, name)
	}
}

// Since when something has been what it is shows, the oldest of a section's parts.
func TestAsOfOfParts(t *testing.T) {
	w := newWorld(t)
	older := noon.Add(-3600e9)
	w.queue = mocks.NewQueueSource(t)
	w.queue.EXPECT().StatusCounts(anything).Return(ports.Reading[domain.StatusCounts]{Value: domain.NewStatusCounts(), AsOf: &noon}, nil)
	w.queue.EXPECT().Retries(anything).Return(ports.Reading[*domain.Retries]{Value: &domain.Retries{}, AsOf: &older}, nil)
	w.cost = mocks.NewCostSource(t)
	w.cost.EXPECT().CostTotals(anything).Return(ports.Reading[*domain.RunCosts]{Value: &domain.RunCosts{}, AsOf: &older}, nil)
	e := scrape(t, w.service(t))
	assert.Equal(t, older, *e.Sections["queue"].AsOf)
	assert.Equal(t, older, *e.Sections["cost"].AsOf)
	assert.Nil(t, e.Sections["agents"].AsOf)
}
