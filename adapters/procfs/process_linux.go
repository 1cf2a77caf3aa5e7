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

	boottimeMS *int64   // CLOCK_BOOTTIME when the stat was read
	activity   activity // just before
	uncounted  []error  // why not all of it is known
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
	buf  []byte
	tids []int64
}

func newProcessReader(root descriptor) *processReader {
	return &processReader{root: root, buf: make([]byte, bufferSize)}
}

// readProcess reads a process, which must be a child of parent.
//
// The children are listed before the stat is read. A child that is waited for in
// between is then found gone, and the process is read anew; the other way round
// it would be in neither.
func (r *processReader) readProcess(ctx context.Context, pid, parent int64) (*process, error) {
	procDir, err := r.root.openDir(strconv.FormatInt(pid, 10))
	if err != nil {
		return nil, err
	}
	defer procDir.close()
	var p process
	unlisted, uncounted := r.readThreads(ctx, procDir, &p)
	p.unlisted = unlisted
	if uncounted != nil {
		p.uncounted = append(p.uncounted, uncounted)
		p.activity.runNS.unknown, p.activity.timeSlices.unknown = true, true
	}
	if err := r.readIO(procDir, &p); err != nil {
		p.uncounted = append(p.uncounted, err)
		p.activity.readBytes.unknown, p.activity.writtenBytes.unknown = true, true
	}
	line, err := procDir.readOnce("stat", r.buf)
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
// ended has left it. The errors say why either is not all.
func (r *processReader) readThreads(ctx context.Context, procDir descriptor, p *process) (unlisted, uncounted error) {
	var err error
	r.tids, err = procDir.appendIDs(r.tids[:0], "task", r.buf)
	switch {
	case isEnded(err) && procDir.exists("stat") == nil:
		return errNoChildrenFile, err // a mount that shows no threads
	case err != nil:
		return err, err
	}
	for _, tid := range r.tids {
		if err := ctx.Err(); err != nil {
			return err, err
		}
		thread := "task/" + strconv.FormatInt(tid, 10)
		if unlisted == nil {
			unlisted = r.listChildren(procDir, thread, p)
		}
		if uncounted == nil {
			uncounted = r.readSchedstat(procDir, thread, p)
		}
	}
	return unlisted, uncounted
}

// listChildren appends the children of one thread.
func (r *processReader) listChildren(procDir descriptor, thread string, p *process) error {
	list, err := procDir.readAll(thread+"/children", r.buf)
	switch {
	case errors.Is(err, errTooLong):
		return errTooLarge
	case isEnded(err) && procDir.exists(thread) == nil:
		return errNoChildrenFile
	case isEnded(err):
		p.stale = true
		return nil
	case err != nil:
		return err
	}
	p.children, err = appendPIDs(p.children, list)
	if len(p.children) > maxTreeProcesses {
		return errTooLarge
	}
	return err
}

// readSchedstat adds what one thread has done. One that has ended counts no more.
func (r *processReader) readSchedstat(procDir descriptor, thread string, p *process) error {
	line, err := procDir.readOnce(thread+"/schedstat", r.buf)
	if err != nil {
		if isEnded(err) && procDir.exists(thread) != nil {
			err = nil
		}
		return err
	}
	runNS, timeSlices, err := parseSchedstat(line)
	p.activity.runNS.add(runNS)
	p.activity.timeSlices.add(timeSlices)
	return err
}

// readIO reads what a process has read and written.
func (r *processReader) readIO(procDir descriptor, p *process) error {
	content, err := procDir.readOnce("io", r.buf)
	if err != nil {
		return err
	}
	p.activity.readBytes, p.activity.writtenBytes, err = parseIO(content)
	return err
}

// isEnded says whether an error is what the files of a thread or process give that
// has ended. One that is hidden instead gives the same.
func isEnded(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH)
}
