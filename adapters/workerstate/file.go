package workerstate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// maxFile is the largest state file that is read, in bytes.
const maxFile = 1 << 20

// File reads the snapshot from a file that the worker replaces by rename. The
// file is read anew each time.
type File struct {
	path string
}

var _ ports.WorkerState = (*File)(nil)

// NewFile returns a reader of the file at path. With an empty path no worker
// state is configured.
func NewFile(path string) *File { return &File{path: path} }

// WorkerState implements ports.WorkerState.
func (f *File) WorkerState(context.Context) (*domain.Worker, error) {
	if f.path == "" {
		return nil, nil //nolint:nilnil // the port's answer for "not configured"
	}
	data, err := readBounded(f.path)
	if err != nil {
		return nil, err
	}
	return parse(data)
}

// readBounded reads a regular file of at most maxFile bytes. It opens without
// blocking: a FIFO with no writer would wait for ever.
func readBounded(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open worker state: %w: %w", domain.CodeWorkerStateMissing, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open worker state: %w: %w", domain.CodeWorkerStateInvalid, err)
	}
	defer file.Close() //nolint:errcheck // nothing was written
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("stat worker state: %w: %w", domain.CodeWorkerStateInvalid, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read worker state: not a regular file: %w", domain.CodeWorkerStateInvalid)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read worker state: %w: %w", domain.CodeWorkerStateInvalid, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("read worker state: larger than %d bytes: %w", maxFile, domain.CodeWorkerStateInvalid)
	}
	return data, nil
}

// parse reads the content of a state file: one JSON object. Unknown keys are
// ignored, and a missing one is null.
func parse(data []byte) (*domain.Worker, error) {
	var fields map[string]json.RawMessage // a struct's fields would match keys in another case too
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, fmt.Errorf("parse worker state: %w: %w", domain.CodeWorkerStateInvalid, err)
	}
	if fields == nil {
		return nil, fmt.Errorf("parse worker state: not an object: %w", domain.CodeWorkerStateInvalid)
	}
	var worker domain.Worker
	for key, target := range map[string]any{
		"breaker":         &worker.Breaker,
		"max_concurrency": &worker.MaxConcurrency,
		"poll_interval":   &worker.PollInterval,
		"updated_at":      &worker.WorkerUpdatedAt,
	} {
		value, found := fields[key]
		if !found {
			continue
		}
		if err := json.Unmarshal(value, target); err != nil {
			return nil, fmt.Errorf("parse worker state: %s: %w: %w", key, domain.CodeWorkerStateInvalid, err)
		}
	}
	if err := worker.Validate(); err != nil {
		return nil, err
	}
	return normal(&worker), nil
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
