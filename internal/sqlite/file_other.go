//go:build !linux

package sqlite

import (
	"os"

	"golang.org/x/sys/unix"
)

// fileID names a file for as long as it exists.
type fileID struct {
	device, inode uint64
}

// stat looks at a file, of which a symbolic link leads to.
func stat(path string) (file, error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return file{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	info, err := os.Stat(path) // which knows the names of times on each platform
	if err != nil {
		return file{}, err
	}
	modified := info.ModTime().UnixNano()
	return file{
		id: fileID{uint64(s.Dev), s.Ino}, there: true, mode: info.Mode(), uid: s.Uid, gid: s.Gid, size: s.Size, modified: modified, changed: modified,
	}, nil
}

// becomeOwner does nothing: only Linux lets a thread create files as somebody else.
func (*files) becomeOwner() (revert func(), err error) { return func() {}, nil }
