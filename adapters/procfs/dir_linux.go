package procfs

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// dir is a directory held open. That of a process is bound to this process, not
// to its pid: once it has ended, everything below fails, whoever gets the pid
// next. The files are opened below it with plain system calls, since package os
// would first offer each of them to the poller, at twice the cost.
type dir int

// openDir opens a directory for what is below it, which needs no right to read
// the directory itself.
func openDir(at dir, name string) (dir, error) {
	fd, err := openAt(at, name, unix.O_PATH|unix.O_DIRECTORY)
	return dir(fd), err
}

func (d dir) close() { closeFD(int(d)) }

// exists returns nil, or why there is no such name.
func (d dir) exists(name string) error {
	var st unix.Stat_t
	return unix.Fstatat(int(d), name, &st, 0)
}

// readOnce reads a file with one call into buf. The kernel makes the line of
// /proc/pid/stat whole for one call whose buffer can hold it.
func (d dir) readOnce(name string, buf []byte) ([]byte, error) {
	fd, err := openAt(d, name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer closeFD(fd)
	n, err := read(fd, buf)
	return buf[:n], err
}

// readAll reads a whole file into buf, or gives errTooLong if it does not fit.
func (d dir) readAll(name string, buf []byte) ([]byte, error) {
	fd, err := openAt(d, name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer closeFD(fd)
	for size := 0; size < len(buf); {
		n, err := read(fd, buf[size:])
		if err != nil || n == 0 {
			return buf[:size], err
		}
		size += n
	}
	return nil, errTooLong
}

// numbers appends those names of a directory's entries that are pids, in no order.
func (d dir) numbers(name string, buf []byte, pids []int64) ([]int64, error) {
	fd, err := openAt(d, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return pids, err
	}
	defer closeFD(fd)
	for {
		n, err := unix.ReadDirent(fd, buf)
		if err != nil || n <= 0 {
			return pids, err
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			if pid, err := strconv.ParseInt(name, 10, 64); err == nil && validPID(pid) {
				pids = append(pids, pid)
			}
		}
	}
}

// openAt and read begin again when a signal breaks in, as package os does.

func openAt(at dir, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(int(at), name, flags|unix.O_CLOEXEC, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

func read(fd int, buf []byte) (int, error) {
	for {
		n, err := unix.Read(fd, buf)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}

func closeFD(fd int) { _ = unix.Close(fd) } // only read: nothing is lost
