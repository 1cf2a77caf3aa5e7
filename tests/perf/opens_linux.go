package perf

import (
	"encoding/binary"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Opens counts from outside how often a database is opened, whoever does it.
type Opens struct {
	inotify *os.File
	done    sync.WaitGroup
	count   int64
}

// WatchOpens begins to count. Closings are watched too, since the kernel reports
// equal events that come in a row as one.
func WatchOpens(db string) (*Opens, error) {
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC) // so that Close ends a Read
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	o := &Opens{inotify: os.NewFile(uintptr(fd), "inotify")}
	if _, err := unix.InotifyAddWatch(fd, db, unix.IN_OPEN|unix.IN_CLOSE); err != nil {
		_ = o.inotify.Close()
		return nil, &os.PathError{Op: "watch", Path: db, Err: err}
	}
	o.done.Go(o.read)
	return o, nil
}

// read takes the events, none of which has a name, since no folder is watched.
func (o *Opens) read() {
	buffer := make([]byte, 1024*unix.SizeofInotifyEvent)
	for {
		n, err := o.inotify.Read(buffer)
		if err != nil {
			return
		}
		for event := buffer[:n]; len(event) >= unix.SizeofInotifyEvent; event = event[unix.SizeofInotifyEvent:] {
			if binary.NativeEndian.Uint32(event[4:])&unix.IN_OPEN != 0 {
				o.count++
			}
		}
	}
}

// Stop ends the counting, and returns how often the database was opened.
func (o *Opens) Stop() (int64, error) {
	err := o.inotify.Close()
	o.done.Wait()
	return o.count, err
}
