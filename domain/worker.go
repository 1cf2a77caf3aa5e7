package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
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

// Validate returns an error that wraps CodeWorkerStateInvalid if the envelope
// could not show the state, or if the breaker is neither an object nor null.
func (w *Worker) Validate() error {
	breaker := bytes.TrimLeft(w.Breaker, " \t\r\n")
	switch {
	case w.Breaker != nil && !json.Valid(w.Breaker):
		return fmt.Errorf("check worker state: the breaker is not JSON: %w", CodeWorkerStateInvalid)
	case w.Breaker != nil && breaker[0] != '{' && breaker[0] != 'n':
		return fmt.Errorf("check worker state: the breaker is not an object: %w", CodeWorkerStateInvalid)
	case depthOf(breaker) >= maxDepth: // it is one level down in the queue
		return fmt.Errorf("check worker state: the breaker is nested too deep: %w", CodeWorkerStateInvalid)
	case overflows(breaker):
		return fmt.Errorf("check worker state: the breaker has a number beyond a float: %w", CodeWorkerStateInvalid)
	case w.PollInterval != nil && (math.IsInf(*w.PollInterval, 0) || math.IsNaN(*w.PollInterval)):
		return fmt.Errorf("check worker state: the poll interval is not finite: %w", CodeWorkerStateInvalid)
	case w.WorkerUpdatedAt != nil && !Showable(*w.WorkerUpdatedAt):
		return fmt.Errorf("check worker state: the time of update is beyond year 9999: %w", CodeWorkerStateInvalid)
	default:
		return nil
	}
}
