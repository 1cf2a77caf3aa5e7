package workerstate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

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

// WorkerState implements ports.WorkerState. A state that does not say when it was
// written was written when its file was.
func (f *File) WorkerState(context.Context) (*domain.Worker, error) {
	if f.path == "" {
		return nil, nil //nolint:nilnil // the port's answer for "not configured"
	}
	data, written, err := readBounded(f.path)
	if err != nil {
		return nil, err
	}
	worker, err := parse(data, written)
	if worker == nil {
		return nil, err
	}
	return worker, errors.Join(err, boundBreaker(worker))
}

// readBounded reads a regular file of at most maxFile bytes, and returns when it
// was written. It looks before it opens, since to open something else may wait for
// ever, or wake whoever waits at its other end, as a FIFO does; and it opens without
// waiting, since the file may be another by then.
func readBounded(path string) (data []byte, written time.Time, err error) {
	info, err := os.Stat(path)
	if err := refuse(path, info, err); err != nil {
		return nil, time.Time{}, err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, time.Time{}, refuse(path, nil, err)
	}
	defer file.Close() //nolint:errcheck // nothing was written
	info, err = file.Stat()
	if err := refuse(path, info, err); err != nil {
		return nil, time.Time{}, err
	}
	data, err = io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read worker state: %w: %w", domain.CodeWorkerStateInvalid, err)
	}
	if len(data) > maxFile {
		return nil, time.Time{}, fmt.Errorf("read worker state: larger than %d bytes: %w", maxFile, domain.CodeWorkerStateInvalid)
	}
	return data, info.ModTime(), nil
}

// refuse says what is wrong with what was found at the path; nil for a file.
func refuse(path string, info fs.FileInfo, err error) error {
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("open worker state: %w: %w", domain.CodeWorkerStateMissing, err)
	case err != nil:
		return fmt.Errorf("open worker state: %w: %w", domain.CodeWorkerStateInvalid, err)
	default:
		return nil
	}
}
