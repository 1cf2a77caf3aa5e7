//go:build !linux

package sqlite

import "golang.org/x/sys/unix"

// fileID names a file for as long as it exists.
type fileID struct {
	device, inode uint64
}

// stat looks at a file, of which a symbolic link leads to.
func stat(path string) (file, error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return file{}, err
	}
	return file{
		id: fileID{uint64(s.Dev), s.Ino}, there: true, mode: uint32(s.Mode),
		uid: s.Uid, gid: s.Gid, size: s.Size, modified: s.Mtim.Nano(), changed: s.Ctim.Nano(),
	}, nil
}

// becomeOwner does nothing: only Linux lets a thread create files as somebody else.
func (*files) becomeOwner() (revert func(), err error) { return func() {}, nil }
