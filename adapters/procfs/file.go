package procfs

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// errTooLong means that a file is longer than the caller can believe.
var errTooLong = errors.New("file is too long")

// readBounded reads a whole file of at most limit bytes. Files of /proc give
// their size as 0, so that only reading tells.
func readBounded(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
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
