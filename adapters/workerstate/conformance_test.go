package workerstate_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/workerstate"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
	"github.com/orchmetrics/orchmetrics/ports/portstest"
)

func TestMemoryConforms(t *testing.T) {
	portstest.WorkerState(t, portstest.WorkerStates{
		Written: func(tb testing.TB, state domain.Worker) ports.WorkerState {
			tb.Helper()
			memory := &workerstate.Memory{}
			require.NoError(tb, memory.Publish(state))
			return memory
		},
		Unwritten: func(testing.TB) ports.WorkerState { return &workerstate.Memory{} },
	})
}

func TestFileConforms(t *testing.T) {
	portstest.WorkerState(t, portstest.WorkerStates{
		Written: func(tb testing.TB, state domain.Worker) ports.WorkerState {
			tb.Helper()
			content, err := json.Marshal(map[string]any{
				"breaker": state.Breaker, "max_concurrency": state.MaxConcurrency,
				"poll_interval": state.PollInterval, "updated_at": state.WorkerUpdatedAt,
			})
			require.NoError(tb, err)
			path := filepath.Join(tb.TempDir(), "worker.json")
			require.NoError(tb, os.WriteFile(path, content, 0o600))
			return workerstate.NewFile(path)
		},
		Unwritten: func(tb testing.TB) ports.WorkerState {
			tb.Helper()
			return workerstate.NewFile(filepath.Join(tb.TempDir(), "worker.json"))
		},
		Unconfigured: func(testing.TB) ports.WorkerState { return workerstate.NewFile("") },
	})
}
