package procfs

import (
	"context"
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// bufferSize holds the children of a tree of maxTreeProcesses: a pid has up to
// seven digits, and there is a space behind each. A longer list is a larger tree.
const bufferSize = maxTreeProcesses*8 + 1

// anyParent asks for a process whoever its parent is.
const anyParent = -1

var (
	// errNoChildrenFile means that the kernel lists no children (it was built
	// without CONFIG_PROC_CHILDREN).
	errNoChildrenFile = errors.New("no children file")
	// errTooLarge means that a tree has more than maxTreeProcesses.
	errTooLarge = errors.New("too many processes in the tree")
	// errGone means that an id is not (or no longer) that of the process meant.
	errGone = errors.New("no such process")
)

// process is a process at one moment, and the children that it had just before.
type process struct {
	stat
	activity // just before the stat was read

	boottimeMS *int64  // CLOCK_BOOTTIME when the stat was read
	uncounted  []error // why not all of the activity is known
	children   []int64
	unlisted   error // why not all children are known
	// stale is whether it is to be read anew: a child was gone when it was looked up,
	// or a thread, whose children went to another one.
	stale bool
}

// processReader reads the files of processes, one after the other, into buffers that
// it uses again. It is used by one goroutine.
type processReader struct {
	root descriptor
	buf  [bufferSize]byte
	tids []int64
}

// readProcess reads a process, which must be a child of parent.
//
// The children are listed before the stat is read. A child that is waited for in
// between is then found gone, and the process is read anew; the other way round
// it would be in neither.
func (r *processReader) readProcess(ctx context.Context, pid, parent int64) (*process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	procDir, err := r.root.open(strconv.FormatInt(pid, 10), asDirectory)
	if err != nil {
		return nil, err
	}
	defer procDir.close()
	var p process
	if err := r.readThreads(ctx, procDir, &p); err != nil {
		p.uncounted = append(p.uncounted, err)
		p.runNS.unknown, p.timeSlices.unknown = true, true
	}
	content, err := procDir.readOnce("io", r.buf[:])
	if err == nil {
		p.readBytes.value, p.writtenBytes.value, err = parseIO(content)
	}
	if err != nil {
		p.uncounted = append(p.uncounted, err)
		p.readBytes.unknown, p.writtenBytes.unknown = true, true
	}
	line, err := procDir.readOnce("stat", r.buf[:])
	if err != nil {
		return nil, err
	}
	p.boottimeMS = boottimeMS()
	if p.stat, err = parseStat(line); err != nil {
		return nil, err
	}
	switch {
	case p.pid != pid:
		return nil, errNotStat
	case !p.leader:
		return nil, errGone
	case p.threads == 0, p.state == 'X', p.state == 'x':
		// It was waited for while it was read: its ticks are in its parent's cutime, and
		// the kernel fills in zeros for most of its line.
		return nil, errGone
	case parent != anyParent && p.ppid != parent:
		return nil, errGone // it was orphaned, or it died and the pid is another's
	}
	return &p, nil
}

// readThreads reads the children of each thread of a process, and what it has done.
// Each thread has the children that it has begotten, and those that a thread which
// ended has left it. The error says why the time of not all is known.
func (r *processReader) readThreads(ctx context.Context, procDir descriptor, p *process) (uncounted error) {
	r.tids, p.unlisted = procDir.appendIDs(r.tids[:0], "task", r.buf[:])
	if err := p.unlisted; err != nil {
		if isEnded(err) && procDir.exists("stat") == nil {
			p.unlisted = errNoChildrenFile // a mount that shows no threads
		}
		return err
	}
	for _, tid := range r.tids {
		if err := ctx.Err(); err != nil {
			p.unlisted = err
			return err
		}
		thread := "task/" + strconv.FormatInt(tid, 10)
		if p.unlisted == nil {
			p.unlisted = r.listChildren(procDir, thread, p)
		}
		if uncounted == nil {
			uncounted = r.readSchedstat(procDir, thread, p)
		}
	}
	return uncounted
}

// listChildren appends the children of one thread.
func (r *processReader) listChildren(procDir descriptor, thread string, p *process) error {
	list, err := procDir.readAll(thread+"/children", r.buf[:])
	if err == nil {
		p.children, err = appendPIDs(p.children, list)
	}
	switch {
	case errors.Is(err, errTooLong), len(p.children) > maxTreeProcesses:
		return errTooLarge
	case err == nil || !isEnded(err):
		return err
	case procDir.exists(thread) == nil:
		return errNoChildrenFile
	default:
		p.stale = true
		return nil
	}
}

// readSchedstat adds what one thread has done. One that has ended counts no more.
func (r *processReader) readSchedstat(procDir descriptor, thread string, p *process) error {
	line, err := procDir.readOnce(thread+"/schedstat", r.buf[:])
	if err != nil {
		if isEnded(err) && procDir.exists(thread) != nil {
			err = nil
		}
		return err
	}
	runNS, timeSlices, err := parseSchedstat(line)
	p.runNS.add(counter{value: runNS})
	p.timeSlices.add(counter{value: timeSlices})
	return err
}

// isEnded says whether an error is what the files of a thread or process give that
// has ended. One that is hidden instead gives the same.
func isEnded(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH)
}

// descriptor is a file or directory held open. The directory of a process is bound
// to this process, not to its pid: once it has ended, everything below fails,
// whoever gets the pid next. The files are opened below it with plain system calls,
// since package os would first offer each of them to the poller, at twice the cost.
type descriptor int

// asDirectory opens a directory for what is below it, which needs no right to read
// the directory itself.
const asDirectory = unix.O_PATH | unix.O_DIRECTORY

// open opens what is below a directory. A call that a signal breaks in on would have to
// begin again, but what waits in /proc gives way to a deadly signal only.
func (d descriptor) open(name string, flags int) (descriptor, error) {
	fd, err := unix.Openat(int(d), name, flags|unix.O_CLOEXEC, 0)
	return descriptor(fd), err
}

func (d descriptor) close() { _ = unix.Close(int(d)) } // only read: nothing is lost

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
	n, err := unix.Read(int(file), buf)
	return buf[:max(n, 0)], err
}

// readAll reads a whole file into buf, or gives errTooLong if it does not fit.
func (d descriptor) readAll(name string, buf []byte) ([]byte, error) {
	file, err := d.open(name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.close()
	for size := 0; size < len(buf); {
		n, err := unix.Read(int(file), buf[size:])
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
			if id, err := strconv.ParseInt(name, 10, 64); err == nil {
				ids = append(ids, id)
			}
		}
	}
}
