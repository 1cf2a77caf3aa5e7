package doctor

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// connectedLock is the byte of a -shm that every connection of a database in WAL
// mode keeps locked (UNIX_SHM_DMS in SQLite's os_unix.c).
const connectedLock = "128 128"

// opened tells whether a process has the database of this -shm open, by the
// host's list of locks, proc_locks(5). The file is not opened: closing it would
// drop this process's own locks. Locks of other pid namespaces are not listed, and
// device numbers are not compared, since some file systems have two.
func opened(procRoot, shm string) (open, known bool) {
	info, err := os.Stat(shm)
	if err != nil {
		return false, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false, false
	}
	locks, err := os.Open(filepath.Join(procRoot, "locks"))
	if err != nil {
		return false, false
	}
	defer locks.Close() //nolint:errcheck // nothing was written
	lines := bufio.NewScanner(locks)
	for lines.Scan() {
		if holds(lines.Text(), stat.Ino) {
			return true, true
		}
	}
	return false, lines.Err() == nil
}

// holds tells whether a line such as "1: POSIX ADVISORY READ 5433 08:01:7864448
// 128 128" is that of a connection.
func holds(line string, inode uint64) bool {
	fields := strings.Fields(line)
	if len(fields) != 8 || fields[1] != "POSIX" && fields[1] != "OFDLCK" {
		return false
	}
	_, number, _ := strings.Cut(fields[5][strings.Index(fields[5], ":")+1:], ":")
	return number == strconv.FormatUint(inode, 10) && strings.Join(fields[6:], " ") == connectedLock
}
