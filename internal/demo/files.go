package demo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	dbName          = "orchestrator.db"
	workerStateName = "worker-state.json"
	draftSuffix     = ".tmp"
)

// files is where the demo lives.
type files struct {
	dir       string
	temporary bool // the directory is the demo's own, and goes with it
	made      bool // the directory was not there before
}

func (f files) db() string          { return filepath.Join(f.dir, dbName) }
func (f files) workerState() string { return filepath.Join(f.dir, workerStateName) }

// makeFiles makes a directory of its own, or takes the one given. There it
// refuses to touch files of an earlier demo, or of a real orchestrator.
func makeFiles(dir string) (files, error) {
	if dir == "" {
		temporary, err := os.MkdirTemp("", "orch-demo-")
		if err != nil {
			return files{}, fmt.Errorf("make temporary directory: %w", err)
		}
		return files{dir: temporary, temporary: true, made: true}, nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return files{}, fmt.Errorf("resolve directory: %w", err)
	}
	f := files{dir: dir}
	for _, path := range f.all() {
		if _, err := os.Lstat(path); err == nil {
			return files{}, fmt.Errorf("take directory: %s: %w", path, fs.ErrExist)
		}
	}
	switch err := os.Mkdir(dir, 0o700); {
	case err == nil:
		f.made = true
	case !errors.Is(err, fs.ErrExist):
		return files{}, fmt.Errorf("make directory: %w", err)
	}
	return f, nil
}

// all are the files that the demo may create.
func (f files) all() []string {
	db, state := f.db(), f.workerState()
	return []string{db, db + "-wal", db + "-shm", db + "-journal", state, state + draftSuffix}
}

// leave removes what nobody asked to keep when the demo stops.
func (f files) leave() error {
	if !f.temporary {
		return nil
	}
	if err := os.RemoveAll(f.dir); err != nil {
		return fmt.Errorf("remove temporary directory: %w", err)
	}
	return nil
}

// undo removes everything that the demo made, after a start that failed.
func (f files) undo() error {
	var failed []error
	for _, path := range f.all() {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, fmt.Errorf("undo: %w", err))
		}
	}
	if f.made {
		if err := os.Remove(f.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, fmt.Errorf("undo: %w", err))
		}
	}
	return errors.Join(failed...)
}
