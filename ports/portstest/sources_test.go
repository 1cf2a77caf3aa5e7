package portstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

func TestMemoryPasses(t *testing.T) {
	t.Parallel()
	StageSource(t, func(_ testing.TB, data Data) ports.StageSource { return newMemory(data) })
	QueueSource(t, func(_ testing.TB, data Data) ports.QueueSource { return newMemory(data) })
	AgentSource(t, func(_ testing.TB, data Data) ports.AgentSource { return newMemory(data) })
	CostSource(t, func(_ testing.TB, data Data) ports.CostSource { return newMemory(data) })
}

// altered is a source whose readings are spoilt on the way to the caller.
type altered struct {
	ports.StageSource
	ports.QueueSource
	ports.AgentSource
	ports.CostSource

	tasks   func(context.Context, *ports.Reading[[]domain.Task]) error
	counts  func(*ports.Reading[domain.StatusCounts]) error
	retries func(*ports.Reading[*domain.Retries]) error
	jobs    func(*ports.Reading[[]domain.RunningJob]) error
	totals  func(*ports.Reading[*domain.RunCosts]) error
}

func (a altered) ActiveTasks(ctx context.Context) (ports.Reading[[]domain.Task], error) {
	reading, err := a.StageSource.ActiveTasks(context.WithoutCancel(ctx))
	return reading, errors.Join(err, a.tasks(ctx, &reading))
}

func (a altered) StatusCounts(ctx context.Context) (ports.Reading[domain.StatusCounts], error) {
	reading, err := a.QueueSource.StatusCounts(ctx)
	if a.counts != nil {
		err = errors.Join(err, a.counts(&reading))
	}
	return reading, err
}

func (a altered) Retries(ctx context.Context) (ports.Reading[*domain.Retries], error) {
	reading, err := a.QueueSource.Retries(ctx)
	if a.retries != nil {
		err = errors.Join(err, a.retries(&reading))
	}
	return reading, err
}

func (a altered) RunningJobs(ctx context.Context) (ports.Reading[[]domain.RunningJob], error) {
	reading, err := a.AgentSource.RunningJobs(ctx)
	return reading, errors.Join(err, a.jobs(&reading))
}

func (a altered) CostTotals(ctx context.Context) (ports.Reading[*domain.RunCosts], error) {
	reading, err := a.CostSource.CostTotals(ctx)
	return reading, errors.Join(err, a.totals(&reading))
}

// TestInstants: a store may hand out times in any zone.
func TestInstants(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("elsewhere", 3*60*60)
	StageSource(t, func(_ testing.TB, data Data) ports.StageSource {
		return altered{StageSource: newMemory(data), tasks: func(_ context.Context, r *ports.Reading[[]domain.Task]) error {
			for i, task := range r.Value {
				if task.StageSince != nil {
					r.Value[i].StageSince = new(task.StageSince.In(zone))
				}
			}
			return nil
		}}
	})
}

// TestKnownStatuses: a store that has no other status passes without the check for it.
func TestKnownStatuses(t *testing.T) {
	t.Parallel()
	QueueSource(t, func(_ testing.TB, data Data) ports.QueueSource {
		for _, job := range data.Jobs {
			if !slices.Contains([]string{"queued", "running", "done", "failed", "cancelled"}, job.Status) {
				t.Errorf("the suite wants a job of the status %q", job.Status)
			}
		}
		return newMemory(data)
	}, KnownStatuses)
}

func TestStageSourceFailsWhatIsBroken(t *testing.T) {
	t.Parallel()
	broken := func(name, check string, alter func(context.Context, *ports.Reading[[]domain.Task]) error) fault[ports.StageSource] {
		return fault[ports.StageSource]{name: name, check: check, open: func(_ testing.TB, data Data) ports.StageSource {
			return altered{StageSource: newMemory(data), tasks: alter}
		}}
	}
	var kept []domain.Task
	requireCaught(t, stageChecks(), []fault[ports.StageSource]{
		broken("a nil list", "no tasks", func(_ context.Context, r *ports.Reading[[]domain.Task]) error {
			r.Value = slices.Clip(append([]domain.Task(nil), r.Value...))
			return nil
		}),
		broken("the wrong order", "active tasks by id", func(_ context.Context, r *ports.Reading[[]domain.Task]) error {
			slices.Reverse(r.Value)
			return nil
		}),
		broken("empty for nil", "active tasks by id", func(_ context.Context, r *ports.Reading[[]domain.Task]) error {
			for i := range r.Value {
				r.Value[i].Repo = new(orZero(r.Value[i].Repo))
			}
			return nil
		}),
		broken("an anomaly out of nothing", "no active tasks", func(_ context.Context, r *ports.Reading[[]domain.Task]) error {
			r.Anomalies++
			return nil
		}),
		broken("cut without need", "no active tasks", func(_ context.Context, r *ports.Reading[[]domain.Task]) error {
			r.Truncated = true
			return nil
		}),
		broken("an error for none", "no tasks", func(_ context.Context, r *ports.Reading[[]domain.Task]) error {
			if len(r.Value) == 0 {
				return errors.New("no rows")
			}
			return nil
		}),
		broken("a list that is written to again", "values stay as they were handed out",
			func(_ context.Context, r *ports.Reading[[]domain.Task]) error {
				clear(kept)
				kept = r.Value
				return nil
			}),
		broken("half a value once the context has ended", "a context that has ended",
			func(ctx context.Context, r *ports.Reading[[]domain.Task]) error {
				if ctx.Err() != nil {
					r.Value = r.Value[:0]
				}
				return nil
			}),
		broken("deaf to the context", "a context that has ended", func(ctx context.Context, _ *ports.Reading[[]domain.Task]) error {
			if ctx.Err() != nil {
				<-t.Context().Done()
			}
			return nil
		}),
	})
	requireCaught(t, stageChecks(), []fault[ports.StageSource]{
		broken("hangs", "no tasks", func(context.Context, *ports.Reading[[]domain.Task]) error {
			<-t.Context().Done()
			return nil
		}),
		broken("an instant that is another one", "active tasks by id", func(_ context.Context, r *ports.Reading[[]domain.Task]) error {
			for i, task := range r.Value {
				if task.StageSince != nil {
					r.Value[i].StageSince = new(task.StageSince.Add(time.Nanosecond))
				}
			}
			return nil
		}),
	})
	finished := fault[ports.StageSource]{"finished tasks too", func(_ testing.TB, data Data) ports.StageSource {
		for i := range data.Tasks {
			data.Tasks[i].Stage += " "
		}
		return newMemory(data)
	}, "no active tasks"}
	requireCaught(t, stageChecks(), []fault[ports.StageSource]{finished})
}

func TestQueueSourceFailsWhatIsBroken(t *testing.T) {
	t.Parallel()
	counts := func(alter func(*ports.Reading[domain.StatusCounts]) error) func(testing.TB, Data) ports.QueueSource {
		return func(_ testing.TB, data Data) ports.QueueSource {
			return altered{QueueSource: newMemory(data), counts: alter}
		}
	}
	retries := func(alter func(*ports.Reading[*domain.Retries]) error) func(testing.TB, Data) ports.QueueSource {
		return func(_ testing.TB, data Data) ports.QueueSource {
			return altered{QueueSource: newMemory(data), retries: alter}
		}
	}
	requireCaught(t, countChecks(), []fault[ports.QueueSource]{
		{"zeros left out", counts(func(r *ports.Reading[domain.StatusCounts]) error {
			delete(r.Value, "cancelled")
			return nil
		}), "no jobs"},
		{"unknown statuses left out", counts(func(r *ports.Reading[domain.StatusCounts]) error {
			delete(r.Value, "cancelled")
			return nil
		}), "known statuses always"},
	})
	requireCaught(t, otherStatusChecks(), []fault[ports.QueueSource]{{"unknown statuses left out", counts(func(r *ports.Reading[domain.StatusCounts]) error {
		delete(r.Value, "on hold")
		return nil
	}), "other statuses if found"}})
	requireCaught(t, retryChecks(), []fault[ports.QueueSource]{
		{"nil for none", retries(func(r *ports.Reading[*domain.Retries]) error {
			if r.Value != nil && *r.Value == (domain.Retries{}) {
				r.Value = nil
			}
			return nil
		}), "no jobs"},
		{"first starts counted", retries(func(r *ports.Reading[*domain.Retries]) error {
			if r.Value != nil {
				r.Value.RetriesTotal += r.Value.RetriedJobs
			}
			return nil
		}), "jobs of any status"},
	})
}

func TestAgentSourceFailsWhatIsBroken(t *testing.T) {
	t.Parallel()
	broken := func(alter func([]domain.RunningJob) []domain.RunningJob) func(testing.TB, Data) ports.AgentSource {
		return func(_ testing.TB, data Data) ports.AgentSource {
			return altered{AgentSource: newMemory(data), jobs: func(r *ports.Reading[[]domain.RunningJob]) error {
				r.Value = alter(r.Value)
				return nil
			}}
		}
	}
	requireCaught(t, agentChecks(), []fault[ports.AgentSource]{
		{"jobs without a run left out", broken(func(jobs []domain.RunningJob) []domain.RunningJob {
			return slices.DeleteFunc(jobs, func(j domain.RunningJob) bool { return j.Model == nil })
		}), "running jobs by id, with their runs"},
		{"zero for an unknown cost", broken(func(jobs []domain.RunningJob) []domain.RunningJob {
			for i := range jobs {
				jobs[i].CostUSD = new(orZero(jobs[i].CostUSD))
			}
			return jobs
		}), "running jobs by id, with their runs"},
		{"nil for none", broken(func(jobs []domain.RunningJob) []domain.RunningJob {
			return append([]domain.RunningJob(nil), jobs...)
		}), "no running jobs"},
	})
}

func TestCostSourceFailsWhatIsBroken(t *testing.T) {
	t.Parallel()
	broken := func(alter func(*ports.Reading[*domain.RunCosts])) func(testing.TB, Data) ports.CostSource {
		return func(_ testing.TB, data Data) ports.CostSource {
			return altered{CostSource: newMemory(data), totals: func(r *ports.Reading[*domain.RunCosts]) error {
				alter(r)
				return nil
			}}
		}
	}
	requireCaught(t, costChecks(), []fault[ports.CostSource]{
		{"null for the sum of nothing", broken(func(r *ports.Reading[*domain.RunCosts]) {
			if r.Value != nil && r.Value.Runs == 0 {
				r.Value.CostUSD = nil
			}
		}), "no runs"},
		{"sums in 32 bits", broken(func(r *ports.Reading[*domain.RunCosts]) {
			if r.Value != nil {
				*r.Value.CacheReadTokens = int64(int32(*r.Value.CacheReadTokens))
			}
		}), "all runs"},
		{"models by name", broken(func(r *ports.Reading[*domain.RunCosts]) {
			if r.Value != nil {
				slices.SortFunc(r.Value.ByModel, func(a, b domain.ModelCost) int { return strings.Compare(orZero(a.Model), orZero(b.Model)) })
			}
		}), "many models"},
	})
}

func TestFails(t *testing.T) {
	t.Parallel()
	answers := map[string]struct {
		value []int
		err   error
		ok    bool
	}{
		"the code":             {nil, fmt.Errorf("open: %w", domain.CodeDBMissing), true},
		"another code":         {nil, domain.CodeDBBusy, false},
		"no code":              {nil, errors.New("db_missing"), false},
		"no error":             {nil, nil, false},
		"a value all the same": {[]int{}, domain.CodeDBMissing, false},
	}
	for name, a := range answers {
		c := check[reader[[]int]]{name: name, run: func(t testing.TB, read reader[[]int]) { fails(t, domain.CodeDBMissing, read) }}
		caught := failed(t, c, func(testing.TB, Data) reader[[]int] {
			return func(context.Context) (ports.Reading[[]int], error) {
				return ports.Reading[[]int]{Value: a.value}, a.err
			}
		})
		assert.Equal(t, a.ok, !caught, name)
	}
}
