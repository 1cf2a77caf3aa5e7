package demo

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// workerState is what the worker tells of itself in a file beside the database.
type workerState struct {
	Breaker        breakerState `json:"breaker"`
	MaxConcurrency int          `json:"max_concurrency"`
	PollInterval   float64      `json:"poll_interval"` // seconds
	UpdatedAt      string       `json:"updated_at"`
}

type breakerState struct {
	State    string  `json:"state"`
	Failures int     `json:"failures"`
	OpenedAt *string `json:"opened_at"` // null while closed
}

func (b *breaker) snapshot() breakerState {
	s := breakerState{State: b.state, Failures: b.failures}
	if !b.openedAt.IsZero() {
		at := b.openedAt.UTC().Format(time.RFC3339)
		s.OpenedAt = &at
	}
	return s
}

// write replaces the file by renaming a finished one over it: a reader must
// never see half of it.
func (s workerState) write(path string) error {
	content, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode worker state: %w", err)
	}
	draft := path + draftSuffix
	if err := os.WriteFile(draft, append(content, '\n'), 0o600); err != nil {
		return fmt.Errorf("write worker state: %w", err)
	}
	if err := os.Rename(draft, path); err != nil {
		return fmt.Errorf("replace worker state: %w", err)
	}
	return nil
}
