package portstest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// WorkerStates are the ways in which an adapter of ports.WorkerState is opened.
// One that the adapter does not know stays nil.
type WorkerStates struct {
	// Written has the state that the worker wrote last.
	Written func(t testing.TB, state domain.Worker) ports.WorkerState
	// Unwritten is configured, but the worker has not written anything yet.
	Unwritten func(t testing.TB) ports.WorkerState
	// Unconfigured has no worker to know of.
	Unconfigured func(t testing.TB) ports.WorkerState
}

// WorkerState proves an adapter of ports.WorkerState.
func WorkerState(t *testing.T, states WorkerStates) {
	t.Helper()
	run(t, workerChecks(states), func(testing.TB, Data) WorkerStates { return states })
}

// breaker is passed through as it is, whatever is in it.
const breaker = `{"state":"open","failures":3,"nested":{"since":null,"list":[1,2.5,"ä"]}}`

func fullState() domain.Worker {
	return domain.Worker{
		Breaker: json.RawMessage(breaker), MaxConcurrency: new(int64(4)), PollInterval: new(2.5), WorkerUpdatedAt: noon(),
	}
}

func workerChecks(states WorkerStates) []check[WorkerStates] {
	var checks []check[WorkerStates]
	add := func(name string, run func(testing.TB, WorkerStates)) {
		checks = append(checks, check[WorkerStates]{name: name, run: run})
	}
	if states.Unconfigured != nil {
		add("not configured", func(t testing.TB, states WorkerStates) {
			got, err := states.Unconfigured(t).WorkerState(t.Context())
			require.NoError(t, err)
			require.Nil(t, got)
		})
	}
	if states.Unwritten != nil {
		add("nothing written yet", func(t testing.TB, states WorkerStates) {
			got, err := states.Unwritten(t).WorkerState(t.Context())
			require.ErrorIs(t, err, domain.CodeWorkerStateMissing)
			require.Nil(t, got)
		})
	}
	if states.Written == nil {
		return checks
	}
	add("all of a state", func(t testing.TB, states WorkerStates) {
		requireState(t, fullState(), states.Written(t, fullState()))
	})
	add("nothing but nulls", func(t testing.TB, states WorkerStates) {
		requireState(t, domain.Worker{}, states.Written(t, domain.Worker{}))
	})
	add("values stay as they were handed out", func(t testing.TB, states WorkerStates) {
		adapter := states.Written(t, fullState())
		got, err := adapter.WorkerState(t.Context())
		require.NoError(t, err)
		requireState(t, fullState(), adapter)
		require.JSONEq(t, breaker, string(got.Breaker), "after another reading")
	})
	add("concurrent use", func(t testing.TB, states WorkerStates) {
		adapter := states.Written(t, fullState())
		atOnce(func() {
			got, err := adapter.WorkerState(t.Context())
			if assert.NoError(t, err) && assert.NotNil(t, got) {
				assert.JSONEq(t, breaker, string(got.Breaker))
			}
		})
	})
	add("a context that has ended", func(t testing.TB, states WorkerStates) {
		adapter := states.Written(t, fullState())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		returnsSoon(t, func() { _, _ = adapter.WorkerState(ctx) })
		requireState(t, fullState(), adapter)
	})
	return checks
}

// requireState compares the breaker as JSON, since an adapter may write it in
// another layout.
func requireState(t testing.TB, want domain.Worker, adapter ports.WorkerState) {
	t.Helper()
	got, err := adapter.WorkerState(t.Context())
	require.NoError(t, err)
	require.NotNil(t, got)
	if want.Breaker == nil {
		require.Nil(t, got.Breaker, "breaker")
	} else {
		require.JSONEq(t, string(want.Breaker), string(got.Breaker))
	}
	shown := *got
	shown.Breaker, want.Breaker = nil, nil
	if want.WorkerUpdatedAt == nil {
		shown.WorkerUpdatedAt = nil // an adapter may know it all the same
	}
	require.Equal(t, want, shown)
}
