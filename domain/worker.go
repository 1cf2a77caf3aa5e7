package domain

import (
	"encoding/json"
	"time"
)

// Worker is the worker's snapshot of itself. All of it is null when its state
// is unknown.
type Worker struct {
	// Breaker is the worker's circuit breaker, passed through as it is; null if
	// the worker has none or its state is unknown.
	Breaker json.RawMessage `json:"breaker"`
	// MaxConcurrency is how many agents the worker runs at once.
	MaxConcurrency *int64 `json:"max_concurrency"`
	// PollInterval is how long the worker sleeps between polls, in seconds.
	PollInterval *float64 `json:"poll_interval"`
	// WorkerUpdatedAt is when the worker last wrote its state, UTC.
	WorkerUpdatedAt *time.Time `json:"worker_updated_at"`
}
