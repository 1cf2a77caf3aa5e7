package workerstate_test

import (
	"encoding/json"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/workerstate"
	"github.com/orchmetrics/orchmetrics/domain"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func full() domain.Worker {
	return domain.Worker{
		Breaker:         json.RawMessage(`{"state":"closed"}`),
		MaxConcurrency:  new(int64(4)),
		PollInterval:    new(2.0),
		WorkerUpdatedAt: new(noon),
	}
}

func TestMemoryBeforeAnythingIsPublished(t *testing.T) {
	var memory workerstate.Memory
	worker, err := memory.WorkerState(t.Context())
	require.ErrorIs(t, err, domain.CodeWorkerStateMissing)
	assert.Nil(t, worker)
}

func TestMemoryKeepsTheLast(t *testing.T) {
	var memory workerstate.Memory
	require.NoError(t, memory.Publish(full()))
	worker, err := memory.WorkerState(t.Context())
	require.NoError(t, err)
	assert.Equal(t, full(), *worker)

	require.NoError(t, memory.Publish(domain.Worker{}))
	worker, err = memory.WorkerState(t.Context())
	require.NoError(t, err)
	assert.Equal(t, domain.Worker{}, *worker, "all unknown is a state too")
}

func TestMemoryRefusesWhatCannotBeShown(t *testing.T) {
	invalid := map[string]func(*domain.Worker){
		"breaker is not JSON":   func(w *domain.Worker) { w.Breaker = json.RawMessage(`{`) },
		"breaker is empty":      func(w *domain.Worker) { w.Breaker = json.RawMessage{} },
		"breaker is a list":     func(w *domain.Worker) { w.Breaker = json.RawMessage(`[]`) },
		"interval not a number": func(w *domain.Worker) { w.PollInterval = new(math.NaN()) },
		"interval infinite":     func(w *domain.Worker) { w.PollInterval = new(math.Inf(1)) },
		"year 10000":            func(w *domain.Worker) { w.WorkerUpdatedAt = new(noon.AddDate(8000, 0, 0)) },
	}
	for name, spoil := range invalid {
		t.Run(name, func(t *testing.T) {
			var memory workerstate.Memory
			spoiled := full()
			spoil(&spoiled)
			require.ErrorIs(t, memory.Publish(spoiled), domain.CodeWorkerStateInvalid)
			_, err := memory.WorkerState(t.Context())
			require.ErrorIs(t, err, domain.CodeWorkerStateMissing, "nothing was published")

			require.NoError(t, memory.Publish(full()))
			require.Error(t, memory.Publish(spoiled))
			worker, err := memory.WorkerState(t.Context())
			require.NoError(t, err)
			assert.Equal(t, full(), *worker, "the last one stays")
		})
	}
}

// What the envelope promises of a state holds whoever publishes it.
func TestMemoryNormalizes(t *testing.T) {
	var memory workerstate.Memory
	require.NoError(t, memory.Publish(domain.Worker{
		Breaker: json.RawMessage(" null\n"), WorkerUpdatedAt: new(noon.In(time.FixedZone("east", 7200))),
	}))
	worker, err := memory.WorkerState(t.Context())
	require.NoError(t, err)
	assert.Equal(t, domain.Worker{WorkerUpdatedAt: &noon}, *worker)
}

// Neither side can change what the other has.
func TestMemoryCopies(t *testing.T) {
	change := func(w *domain.Worker) {
		copy(w.Breaker, `{"STATE"`)
		*w.MaxConcurrency, *w.PollInterval, *w.WorkerUpdatedAt = 99, 99, noon.Add(time.Hour)
	}
	var memory workerstate.Memory
	published := full()
	require.NoError(t, memory.Publish(published))
	change(&published)
	for range 2 {
		worker, err := memory.WorkerState(t.Context())
		require.NoError(t, err)
		assert.Equal(t, full(), *worker)
		change(worker)
	}
}

// A reader sees one state as a whole, whatever is published meanwhile.
func TestMemoryIsSafeForConcurrentUse(t *testing.T) {
	var memory workerstate.Memory
	require.NoError(t, memory.Publish(domain.Worker{MaxConcurrency: new(int64(0)), PollInterval: new(0.0)}))
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range 500 {
				n := int64(i*1000 + j)
				assert.NoError(t, memory.Publish(domain.Worker{MaxConcurrency: &n, PollInterval: new(float64(n))}))
			}
		})
		group.Go(func() {
			for range 500 {
				worker, err := memory.WorkerState(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				assert.InDelta(t, float64(*worker.MaxConcurrency), *worker.PollInterval, 0)
			}
		})
	}
	group.Wait()
}
