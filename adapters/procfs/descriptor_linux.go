package procfs

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// descriptor is a file or directory held open. The directory of a process is bound
// to this process, not to its pid: once it has ended, everything below fails,
// whoever gets the pid next. The files are opened below it with plain system calls,
// since package os would first offer each of them to the poller, at twice the cost.
type descriptor int

// openDir opens a directory for what is below it, which needs no right to read
// the directory itself.
func (d descriptor) openDir(name string) (descriptor, error) {
	return d.open(name, unix.O_PATH|unix.O_DIRECTORY)
}

// exists returns nil, or why there is no such name.
func (d descriptor) exists(name string) error {
	var st unix.Stat_t
	return unix.Fstatat(int(d), name, &st, 0)
}

// readOnce reads a file with one call into buf. The kernel makes the line of
// /proc/pid/stat, and files as short, whole for one call whose buffer can hold it.
func (d descriptor) readOnce(name string, buf []byte) ([]byte, error) {
	file, err := d.open(name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.close()
	n, err := file.read(buf)
	return buf[:n], err
}

// readAll reads a whole file into buf, or gives errTooLong if it does not fit.
func (d descriptor) readAll(name string, buf []byte) ([]byte, error) {
	file, err := d.open(name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.close()
	for size := 0; size < len(buf); {
		n, err := file.read(buf[size:])
		if err != nil || n == 0 {
			return buf[:size], err
		}
		size += n
	}
	return nil, errTooLong
}

// appendIDs appends the names of a directory's entries that are ids of processes
// or threads, in no order.
func (d descriptor) appendIDs(ids []int64, name string, buf []byte) ([]int64, error) {
	directory, err := d.open(name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return ids, err
	}
	defer directory.close()
	for {
		n, err := unix.ReadDirent(int(directory), buf)
		if err != nil || n <= 0 {
			return ids, err
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			if id, err := strconv.ParseInt(name, 10, 64); err == nil && validPID(id) {
				ids = append(ids, id)
			}
		}
	}
}

// open and read begin again when a signal breaks in, as package os does.

func (d descriptor) open(name string, flags int) (descriptor, error) {
	for {
		fd, err := unix.Openat(int(d), name, flags|unix.O_CLOEXEC, 0)
		if !errors.Is(err, unix.EINTR) {
			return descriptor(fd), err
		}
	}
}

func (d descriptor) read(buf []byte) (int, error) {
	for {
		n, err := unix.Read(int(d), buf)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}

func (d descriptor) close() { _ = unix.Close(int(d)) } // only read: nothing is lost
