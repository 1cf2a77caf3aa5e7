package portstest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// memory is an adapter of everything that Data is about: the least that passes.
type memory struct {
	data atomic.Pointer[Data]
}

var (
	_ ports.StageSource = (*memory)(nil)
	_ ports.QueueSource = (*memory)(nil)
	_ ports.AgentSource = (*memory)(nil)
	_ ports.CostSource  = (*memory)(nil)
	_ ports.Viewer      = (*memory)(nil)
)

func newMemory(data Data) *memory {
	m := &memory{}
	m.data.Store(&data)
	return m
}

type memoryKey struct{ m *memory }

// memoryView is the data as the first reading found it.
type memoryView struct {
	open  func() *Data
	ended atomic.Bool
}

// View implements ports.Viewer.
func (m *memory) View(ctx context.Context) (context.Context, func()) {
	view := &memoryView{open: sync.OnceValue(m.data.Load)}
	return context.WithValue(ctx, memoryKey{m}, view), func() { view.ended.Store(true) }
}

// see returns the data that the context's view shows.
func (m *memory) see(ctx context.Context) (Data, error) {
	if err := ctx.Err(); err != nil {
		return Data{}, err
	}
	view, ok := ctx.Value(memoryKey{m}).(*memoryView)
	switch {
	case !ok:
		return *m.data.Load(), nil
	case view.ended.Load():
		return Data{}, errors.New("the view has ended")
	default:
		return *view.open(), nil
	}
}

// ActiveTasks implements ports.StageSource.
func (m *memory) ActiveTasks(ctx context.Context) (ports.Reading[[]domain.Task], error) {
	data, err := m.see(ctx)
	if err != nil {
		return ports.Reading[[]domain.Task]{}, err
	}
	tasks := []domain.Task{}
	for _, task := range data.Tasks {
		if task.Stage != "done" && task.Stage != "cancelled" {
			task.WorkItem, task.Repo, task.StageSince = clone(task.WorkItem), clone(task.Repo), clone(task.StageSince)
			tasks = append(tasks, task)
		}
	}
	slices.SortFunc(tasks, func(a, b domain.Task) int { return int(a.ID - b.ID) })
	return ports.Reading[[]domain.Task]{Value: tasks}, nil
}

// StatusCounts implements ports.QueueSource.
func (m *memory) StatusCounts(ctx context.Context) (ports.Reading[domain.StatusCounts], error) {
	data, err := m.see(ctx)
	if err != nil {
		return ports.Reading[domain.StatusCounts]{}, err
	}
	counts := domain.NewStatusCounts()
	for _, job := range data.Jobs {
		counts[job.Status]++
	}
	return ports.Reading[domain.StatusCounts]{Value: counts}, nil
}

// Retries implements ports.QueueSource.
func (m *memory) Retries(ctx context.Context) (ports.Reading[*domain.Retries], error) {
	data, err := m.see(ctx)
	if err != nil {
		return ports.Reading[*domain.Retries]{}, err
	}
	retries := &domain.Retries{}
	for _, job := range data.Jobs {
		attempts := orZero(job.Attempts)
		if attempts > 1 {
			retries.RetriedJobs++
			retries.RetriesTotal += attempts - 1
		}
		retries.MaxAttemptsSeen = max(retries.MaxAttemptsSeen, attempts)
	}
	return ports.Reading[*domain.Retries]{Value: retries}, nil
}

// RunningJobs implements ports.AgentSource.
func (m *memory) RunningJobs(ctx context.Context) (ports.Reading[[]domain.RunningJob], error) {
	data, err := m.see(ctx)
	if err != nil {
		return ports.Reading[[]domain.RunningJob]{}, err
	}
	jobs := []domain.RunningJob{}
	for _, job := range data.Jobs {
		if job.Status != "running" {
			continue
		}
		var run Run
		if at := slices.IndexFunc(data.Runs, func(r Run) bool { return job.RunID != nil && r.ID == *job.RunID }); at >= 0 {
			run = data.Runs[at]
		}
		jobs = append(jobs, domain.RunningJob{
			ID: job.ID, RunID: clone(job.RunID), Agent: clone(job.Agent), Repo: clone(job.Repo), PID: clone(job.PID),
			StartedAt: clone(job.StartedAt), Model: clone(run.Model), Effort: clone(run.Effort), CostUSD: clone(run.CostUSD),
			InputTokens: clone(run.InputTokens), OutputTokens: clone(run.OutputTokens),
			CacheReadTokens: clone(run.CacheReadTokens), CacheCreationTokens: clone(run.CacheCreationTokens), TaskID: clone(job.TaskID),
		})
		if at := slices.IndexFunc(data.Tasks, func(t domain.Task) bool { return job.TaskID != nil && t.ID == *job.TaskID }); at >= 0 {
			jobs[len(jobs)-1].WorkItem = clone(data.Tasks[at].WorkItem)
		}
	}
	slices.SortFunc(jobs, func(a, b domain.RunningJob) int { return int(a.ID - b.ID) })
	return ports.Reading[[]domain.RunningJob]{Value: jobs}, nil
}

// CostTotals implements ports.CostSource.
func (m *memory) CostTotals(ctx context.Context) (ports.Reading[*domain.RunCosts], error) {
	data, err := m.see(ctx)
	if err != nil {
		return ports.Reading[*domain.RunCosts]{}, err
	}
	costs := &domain.RunCosts{CostTotals: sumOf(data.Runs)}
	byModel := map[string][]Run{}
	for _, run := range data.Runs {
		byModel[orZero(run.Model)] = append(byModel[orZero(run.Model)], run)
	}
	models := []domain.ModelCost{}
	for model, runs := range byModel {
		models = append(models, domain.ModelCost{Model: &model, CostTotals: sumOf(runs)})
		if model == "" {
			models[len(models)-1].Model = nil
		}
	}
	costs.ByModel, _ = domain.RankModels(models)
	return ports.Reading[*domain.RunCosts]{Value: costs}, nil
}

func sumOf(runs []Run) domain.CostTotals {
	var cost float64
	var sums [4]int64
	for _, run := range runs {
		cost += orZero(run.CostUSD)
		for i, tokens := range []*int64{run.InputTokens, run.OutputTokens, run.CacheReadTokens, run.CacheCreationTokens} {
			sums[i] += orZero(tokens)
		}
	}
	return totals(int64(len(runs)), cost, sums[0], sums[1], sums[2], sums[3])
}

func orZero[T any](value *T) T {
	if value == nil {
		var zero T
		return zero
	}
	return *value
}
