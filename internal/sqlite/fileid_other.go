//go:build !linux

package sqlite

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// fileID names a file for as long as it exists.
type fileID struct {
	device, inode uint64
}

func identify(path string) (fileID, error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return fileID{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return fileID{device: uint64(s.Dev), inode: s.Ino}, nil
}

// String names the file.
func (f fileID) String() string { return fmt.Sprintf("%d %d", f.device, f.inode) }

// changeTime is when the content of a file was last changed, in nanoseconds: when
// anything of it was is not told alike here.
type changeTime int64

func changeOf(info fs.FileInfo) changeTime { return changeTime(info.ModTime().UnixNano()) }
