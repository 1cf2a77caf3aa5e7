package procfs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

var (
	// errTooLong means that a file is longer than the caller can believe.
	errTooLong = errors.New("file is too long")
	// errNotRegular means that there is something else where a file should be.
	errNotRegular = errors.New("not a regular file")
)

// readBounded reads a whole regular file of at most limit bytes. Files of /proc
// give their size as 0, so that only reading tells. A mount point may hold anything
// by mistake: what would wait for somebody else, as a FIFO does, is not opened.
func readBounded(path string, limit int64) ([]byte, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("find file: %w", err)
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("find %s: %w", path, errNotRegular)
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may be another by now
	if err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	defer func() { _ = file.Close() }() // only read: nothing is lost
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("read %s: %w", path, errTooLong)
	}
	return content, nil
}
