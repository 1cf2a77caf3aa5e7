// Package workerstate brings the worker's snapshot of itself: from the memory of
// the same process (Memory), or from a file that another process writes (File).
package workerstate

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Memory holds the snapshot that an orchestrator in the same process published
// last. The zero value is ready, and knows nothing yet. It is safe for
// concurrent use.
type Memory struct {
	last atomic.Pointer[domain.Worker]
}

var _ ports.WorkerState = (*Memory)(nil)

// Publish replaces the snapshot. It refuses one that the envelope could not
// show, or whose breaker is larger than 64 KiB, with an error that wraps domain.CodeWorkerStateInvalid; the last one
// then stays. The caller may go on using worker.
func (m *Memory) Publish(worker domain.Worker) error {
	if err := worker.Validate(); err != nil {
		return err
	}
	if err := boundBreaker(&worker); err != nil {
		return fmt.Errorf("%w: %w", domain.CodeWorkerStateInvalid, err)
	}
	m.last.Store(normal(clone(worker)))
	return nil
}

// WorkerState implements ports.WorkerState.
func (m *Memory) WorkerState(context.Context) (*domain.Worker, error) {
	last := m.last.Load()
	if last == nil {
		return nil, fmt.Errorf("read worker state: nothing was published yet: %w", domain.CodeWorkerStateMissing)
	}
	return clone(*last), nil
}

// clone copies all that pointers lead to, so that neither side can change what
// the other has.
func clone(worker domain.Worker) *domain.Worker {
	worker.Breaker = slices.Clone(worker.Breaker)
	worker.MaxConcurrency = copied(worker.MaxConcurrency)
	worker.PollInterval = copied(worker.PollInterval)
	worker.WorkerUpdatedAt = copied(worker.WorkerUpdatedAt)
	return &worker
}

func copied[T any](value *T) *T {
	if value == nil {
		return nil
	}
	duplicate := *value
	return &duplicate
}

// normal has a time in UTC, and no breaker where it is null.
func normal(worker *domain.Worker) *domain.Worker {
	if bytes.Equal(bytes.TrimSpace(worker.Breaker), []byte("null")) {
		worker.Breaker = nil
	}
	if worker.WorkerUpdatedAt != nil {
		updated := worker.WorkerUpdatedAt.UTC()
		worker.WorkerUpdatedAt = &updated
	}
	return worker
}
