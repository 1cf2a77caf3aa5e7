package sqlite

import "golang.org/x/sys/unix"

// fileID names a file for as long as it exists, and no other one after it: the
// number of an inode is soon used again, but not with the same time of birth.
type fileID struct {
	major, minor uint32
	inode        uint64
	born         unix.StatxTimestamp
}

// stat looks at a file, of which a symbolic link leads to.
func stat(path string) (file, error) {
	var s unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &s); err != nil {
		return file{}, err
	}
	nanoseconds := func(t unix.StatxTimestamp) int64 { return t.Sec*1e9 + int64(t.Nsec) }
	return file{
		id: fileID{s.Dev_major, s.Dev_minor, s.Ino, s.Btime}, there: true, mode: uint32(s.Mode),
		uid: s.Uid, gid: s.Gid, size: int64(s.Size), modified: nanoseconds(s.Mtime), changed: nanoseconds(s.Ctime), //nolint:gosec // a size fits
	}, nil
}
