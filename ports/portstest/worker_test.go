package portstest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// workerFunc is a worker state that is a function.
type workerFunc func(context.Context) (*domain.Worker, error)

func (f workerFunc) WorkerState(ctx context.Context) (*domain.Worker, error) { return f(ctx) }

func answers(worker *domain.Worker, err error) func(testing.TB) ports.WorkerState {
	return func(testing.TB) ports.WorkerState {
		return workerFunc(func(context.Context) (*domain.Worker, error) { return worker, err })
	}
}

// encodedWorker keeps the state as JSON, so that nothing is shared.
func encodedWorker(t testing.TB, state domain.Worker) ports.WorkerState {
	text, err := json.Marshal(state)
	return workerFunc(func(context.Context) (*domain.Worker, error) {
		var worker domain.Worker
		if err := errors.Join(err, json.Unmarshal(text, &worker)); err != nil {
			t.Error(err)
		}
		if string(worker.Breaker) == "null" {
			worker.Breaker = nil
		}
		return &worker, nil
	})
}

func goodWorker() WorkerStates {
	return WorkerStates{
		Written:      encodedWorker,
		Unwritten:    answers(nil, domain.CodeWorkerStateMissing),
		Unconfigured: answers(nil, nil),
	}
}

func TestWorkerStatePasses(t *testing.T) {
	t.Parallel()
	WorkerState(t, goodWorker())
}

func TestWorkerStateFailsWhatIsBroken(t *testing.T) {
	t.Parallel()
	written := func(answer func(domain.Worker) ports.WorkerState) WorkerStates {
		return WorkerStates{Written: func(_ testing.TB, state domain.Worker) ports.WorkerState { return answer(state) }}
	}
	altered := func(alter func(*domain.Worker)) WorkerStates {
		return WorkerStates{Written: func(t testing.TB, state domain.Worker) ports.WorkerState {
			alter(&state)
			return encodedWorker(t, state)
		}}
	}
	broken := []struct {
		name   string
		states WorkerStates
		check  string
	}{
		{"unconfigured is an error", WorkerStates{Unconfigured: answers(nil, domain.CodeWorkerStateMissing)}, "not configured"},
		{"unwritten is no error", WorkerStates{Unwritten: answers(nil, nil)}, "nothing written yet"},
		{"unwritten has no code", WorkerStates{Unwritten: answers(nil, errors.New("no file"))}, "nothing written yet"},
		{"a field forgotten", altered(func(w *domain.Worker) { w.PollInterval = nil }), "all of a state"},
		{"zero for null", altered(func(w *domain.Worker) { w.MaxConcurrency = new(orZero(w.MaxConcurrency)) }), "nothing but nulls"},
		{"a value that is written to again", written(func(state domain.Worker) ports.WorkerState {
			var last domain.Worker
			return workerFunc(func(context.Context) (*domain.Worker, error) {
				clear(last.Breaker)
				last = state
				last.Breaker = bytes.Clone(state.Breaker)
				return new(last), nil
			})
		}), "values stay as they were handed out"},
		{"deaf to the context", written(func(state domain.Worker) ports.WorkerState {
			return workerFunc(func(ctx context.Context) (*domain.Worker, error) {
				if ctx.Err() != nil {
					<-t.Context().Done()
				}
				return &state, nil
			})
		}), "a context that has ended"},
	}
	for _, b := range broken {
		requireCaught(t, workerChecks(b.states), []fault[WorkerStates]{
			{b.name, func(testing.TB, Data) WorkerStates { return b.states }, b.check},
		})
	}
}
