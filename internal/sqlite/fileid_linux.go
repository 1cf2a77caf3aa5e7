package sqlite

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// fileID names a file for as long as it exists, and no other one after it: the
// number of an inode is soon used again, but not with the same time of birth.
type fileID struct {
	major, minor uint32
	inode        uint64
	bornS        int64
	bornNS       uint32
}

func identify(path string) (fileID, error) {
	var s unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_INO|unix.STATX_BTIME, &s)
	if err != nil {
		return fileID{}, &os.PathError{Op: "statx", Path: path, Err: err}
	}
	return fileID{major: s.Dev_major, minor: s.Dev_minor, inode: s.Ino, bornS: s.Btime.Sec, bornNS: s.Btime.Nsec}, nil
}

// String names the file.
func (f fileID) String() string {
	return fmt.Sprintf("%d:%d %d %d.%d", f.major, f.minor, f.inode, f.bornS, f.bornNS)
}

// changeTime is when anything of a file was last changed, which nobody can set back.
type changeTime syscall.Timespec

func changeOf(info fs.FileInfo) changeTime {
	stat, _ := info.Sys().(*syscall.Stat_t)
	if stat == nil {
		return changeTime{}
	}
	return changeTime(stat.Ctim)
}
