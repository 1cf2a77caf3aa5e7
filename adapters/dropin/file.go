package dropin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// byteOrderMark may begin a text in UTF-8; RFC 8259, section 8.1, lets a reader of
// JSON pass over it.
const byteOrderMark = "\ufeff"

// file is the section of one file.
type file struct {
	dir string
	key string
	// leftOut is set if there is no room for it beside the others.
	leftOut bool
}

var _ ports.Section = (*file)(nil)

// Key implements ports.Section. It may be malformed, and is then refused.
func (f *file) Key() string { return f.key }

// Default implements ports.Section.
func (*file) Default() any { return nil }

// Collect implements ports.Section: the file's value as it is, and the time at
// which it was written.
func (f *file) Collect(context.Context) (any, error) {
	if f.leftOut {
		return nil, fmt.Errorf("read section: with those before it more than %d bytes: %w", maxTotal, domain.CodeTooLarge)
	}
	data, written, err := f.read()
	if err != nil {
		return nil, err
	}
	var value bytes.Buffer
	if err := json.Compact(&value, bytes.TrimPrefix(data, []byte(byteOrderMark))); err != nil {
		return nil, fmt.Errorf("read section: %w: %w", domain.CodeInvalidValue, err)
	}
	if err := domain.CheckValue(value.Bytes()); err != nil {
		return nil, fmt.Errorf("read section: %w", err)
	}
	collected := ports.Collected{Value: json.RawMessage(value.Bytes()), AsOf: &written}
	if value.Bytes()[0] == '[' {
		collected.Rows = rows(value.Bytes())
	}
	return collected, nil
}

// rows is the length of a list.
func rows(list []byte) *int64 {
	var entries []entry
	if json.Unmarshal(list, &entries) != nil {
		return nil
	}
	length := int64(len(entries))
	return &length
}

// entry is one of a list, of which only that it is there counts.
type entry struct{}

// UnmarshalJSON takes anything.
func (*entry) UnmarshalJSON([]byte) error { return nil }

// read returns the content of a regular file of bounded size, and when it was
// written. A root keeps symbolic links from leading out of the directory. It looks
// before it opens, since to open something else may wait for ever, or wake whoever
// waits at its other end, as a FIFO does; and it opens without waiting, since the file
// may be another by then. So may the directory: behind its name there is "/.", by
// which nothing but a directory can be opened.
func (f *file) read() (data []byte, written time.Time, err error) {
	unreadable := func(err error) ([]byte, time.Time, error) {
		return nil, time.Time{}, fmt.Errorf("read section: %w: %w", domain.CodeFileUnreadable, err)
	}
	root, err := os.OpenRoot(f.dir + "/.")
	if err != nil {
		return unreadable(err)
	}
	defer root.Close() //nolint:errcheck // nothing was written
	if info, err := root.Stat(f.key + suffix); err != nil {
		return unreadable(err)
	} else if !info.Mode().IsRegular() {
		return unreadable(fmt.Errorf("%s%s is not a regular file", f.key, suffix))
	}
	opened, err := root.OpenFile(f.key+suffix, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return unreadable(err)
	}
	defer opened.Close() //nolint:errcheck // nothing was written
	info, err := opened.Stat()
	if err != nil {
		return unreadable(err)
	}
	if !info.Mode().IsRegular() {
		return unreadable(fmt.Errorf("%s%s is not a regular file", f.key, suffix))
	}
	tooLarge := fmt.Errorf("read section: larger than %d bytes: %w", maxBytes, domain.CodeTooLarge)
	if info.Size() > maxBytes {
		return nil, time.Time{}, tooLarge
	}
	var content bytes.Buffer
	content.Grow(int(info.Size()) + bytes.MinRead)
	if _, err := content.ReadFrom(io.LimitReader(opened, maxBytes+1)); err != nil { // it may have grown
		return unreadable(err)
	}
	if content.Len() > maxBytes {
		return nil, time.Time{}, tooLarge
	}
	return content.Bytes(), info.ModTime().UTC().Truncate(time.Millisecond), nil
}
