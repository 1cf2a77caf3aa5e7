package workerstate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/workerstate"
	"github.com/orchmetrics/orchmetrics/domain"
)

// breakerOf is a breaker of so many bytes.
func breakerOf(size int) string {
	return `{"x":"` + strings.Repeat("<", size-len(`{"x":""}`)) + `"}`
}

// TestBreaker_IsBounded: a breaker that is too large costs itself and nothing else.
func TestBreaker_IsBounded(t *testing.T) {
	const most = 64 << 10
	worker, err := read(t, `{"max_concurrency":4,"breaker":`+breakerOf(most)+`}`)
	require.NoError(t, err)
	assert.Len(t, worker.Breaker, most)

	worker, err = read(t, `{"max_concurrency":4,"breaker":`+breakerOf(most+1)+`}`)
	require.ErrorIs(t, err, domain.CodeTooLarge)
	assert.Nil(t, worker.Breaker)
	assert.Equal(t, new(int64(4)), worker.MaxConcurrency)

	var memory workerstate.Memory
	require.NoError(t, memory.Publish(domain.Worker{Breaker: json.RawMessage(breakerOf(most))}))
	require.ErrorIs(t, memory.Publish(domain.Worker{Breaker: json.RawMessage(breakerOf(most + 1))}), domain.CodeWorkerStateInvalid)
}
