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

// member is a process in a tree as its parent named it.
type member struct {
	pid, parent int64
}

// family is a process at one moment, and the children that it had just before.
type family struct {
	reading

	children []int64 // nil if unlisted is not
	unlisted error   // why they are unknown
	raced    bool    // a thread, whose children went to another one, ended on the way
}

// look reads a process and lists the children of its first thread.
//
// The children are listed before the stat is read. A child that is waited for in
// between is then found gone, and the process is read anew; the other way round
// it would be in neither.
func (s *sampler) look(m member) (*family, error) {
	process, err := openDir(s.root, decimal(m.pid))
	if err != nil {
		return nil, err
	}
	defer process.close()
	return s.lookInto(process, m)
}

func (s *sampler) lookInto(process dir, m member) (*family, error) {
	var f family
	s.children = s.children[:0]
	f.unlisted = s.listThread(&f, process, m.pid, m.pid)
	return s.with(process, m, &f)
}

// visit reads a process with all its children. One of several threads shows these
// only in its stat, so that it is read again after the lists of all of them,
// unless it is known already.
func (s *sampler) visit(ctx context.Context, m member, threaded bool) (*family, error) {
	if r, ok := s.table.find(m.pid); ok {
		return s.ofTable(r), nil
	}
	process, err := openDir(s.root, decimal(m.pid))
	if err != nil {
		return nil, err
	}
	defer process.close()
	if !threaded {
		f, err := s.lookInto(process, m)
		if err != nil || f.unlisted != nil || f.threads <= 1 {
			return s.orByTable(ctx, f), err
		}
	}
	var f family
	s.children = s.children[:0]
	f.unlisted = s.listThreads(ctx, &f, process, m.pid)
	read, err := s.with(process, m, &f)
	return s.orByTable(ctx, read), err
}

// with completes a family by the reading of the process itself.
func (s *sampler) with(process dir, m member, f *family) (*family, error) {
	var err error
	if f.reading, err = s.read(process, m); err != nil {
		return nil, err
	}
	if f.unlisted == nil {
		f.children = s.children
	}
	return f, nil
}

// orByTable looks the children up in the table of all processes, where the kernel
// does not list them.
func (s *sampler) orByTable(ctx context.Context, f *family) *family {
	if f == nil || !errors.Is(f.unlisted, errNoChildrenFile) {
		return f
	}
	if s.table == nil {
		var err error
		if s.table, err = s.readTable(ctx); err != nil {
			f.unlisted = err
			return f
		}
	}
	return s.ofTable(f.reading)
}

// listThreads lists the children of every thread of a process.
func (s *sampler) listThreads(ctx context.Context, f *family, process dir, pid int64) error {
	var err error
	s.tids, err = process.numbers("task", s.buf, s.tids[:0])
	if err != nil {
		return f.unlessEnded(err)
	}
	for _, tid := range s.tids {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.listThread(f, process, pid, tid); err != nil {
			return err
		}
	}
	return nil
}

// listThread lists the children of one thread: each thread has those that it has
// begotten, and those that a thread which ended has left it.
func (s *sampler) listThread(f *family, process dir, pid, tid int64) error {
	thread := "task/" + decimal(tid)
	list, err := process.readAll(thread+"/children", s.buf)
	switch {
	case errors.Is(err, errTooLong):
		return errTooLarge
	case errors.Is(err, unix.ENOENT) && process.exists(lasting(thread, pid == tid)) == nil:
		return errNoChildrenFile
	case err != nil:
		return f.unlessEnded(err)
	}
	return parsePIDs(list, func(child int64) error {
		if len(s.children) == maxTreeProcesses {
			return errTooLarge
		}
		s.children = append(s.children, child)
		return nil
	})
}

// lasting names what is there for as long as a thread is. The first thread's
// place is kept while the process lives, so that its stat answers for it, even
// in a mount that has no task directory.
func lasting(thread string, first bool) string {
	if first {
		return "stat"
	}
	return thread
}

// unlessEnded passes an error on, unless it says that the thread or process has
// ended. A process that is hidden instead is told by its stat.
func (f *family) unlessEnded(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		f.raced = true
		return nil
	}
	return err
}

// read reads the stat of a process.
func (s *sampler) read(process dir, m member) (reading, error) {
	line, err := process.readOnce("stat", s.buf)
	if err != nil {
		return reading{}, err
	}
	now := boottimeMS()
	st, err := parseStat(line)
	if err != nil {
		return reading{}, err
	}
	r := reading{stat: st, boottimeMS: now}
	switch {
	case st.pid != m.pid:
		return reading{}, errNotStat
	case !st.leader, r.released():
		return reading{}, errGone
	case m.parent != anyParent && st.ppid != m.parent:
		return reading{}, errGone // it was orphaned, or it died and the pid is another's
	}
	return r, nil
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
