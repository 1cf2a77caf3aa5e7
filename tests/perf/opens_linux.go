package perf

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Opens counts from outside how often a database is opened, whoever does it.
type Opens struct {
	// Checkpoints is how often the write-ahead log was taken into the database, once
	// the counting has ended: nothing else writes there.
	Checkpoints int64

	inotify *os.File
	done    sync.WaitGroup
	db, wal int64
	written time.Time
}

// apart is how long there is between two checkpoints at least. One is many writes.
const apart = 50 * time.Millisecond

// WatchOpens begins to count. The database must be in use, with its write-ahead
// log beside it.
//
// Both files are watched, as each connection opens both: SQLite may use a
// descriptor of the database that it could not close earlier once more, but never
// one of the log. It also keeps apart what the kernel would report as one event,
// which it does with equal ones that come in a row.
func WatchOpens(db string) (*Opens, error) {
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC) // so that Close ends a Read
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	o := &Opens{inotify: os.NewFile(uintptr(fd), "inotify")}
	for _, path := range []string{db, db + "-wal"} {
		if _, err := unix.InotifyAddWatch(fd, path, unix.IN_OPEN|unix.IN_CLOSE|unix.IN_MODIFY); err != nil {
			return nil, errors.Join(&os.PathError{Op: "watch", Path: path, Err: err}, o.inotify.Close())
		}
	}
	o.done.Go(o.read)
	return o, nil
}

// read takes the events of both watches, which are 1 and 2 in their order. None
// has a name, since no folder is watched.
func (o *Opens) read() {
	buffer := make([]byte, 1024*unix.SizeofInotifyEvent)
	for {
		n, err := o.inotify.Read(buffer)
		if err != nil {
			return
		}
		for event := buffer[:n]; len(event) >= unix.SizeofInotifyEvent; event = event[unix.SizeofInotifyEvent:] {
			watch, mask := binary.NativeEndian.Uint32(event), binary.NativeEndian.Uint32(event[4:])
			switch {
			case watch == 1 && mask&unix.IN_MODIFY != 0:
				o.write(time.Now())
			case mask&unix.IN_OPEN == 0:
			case watch == 1:
				o.db++
			case watch == 2:
				o.wal++
			}
		}
	}
}

func (o *Opens) write(now time.Time) {
	if now.Sub(o.written) > apart {
		o.Checkpoints++
	}
	o.written = now
}

// Stop ends the counting, and returns how often the database was opened.
func (o *Opens) Stop() (int64, error) {
	err := o.inotify.Close()
	o.done.Wait()
	return max(o.db, o.wal), err
}
