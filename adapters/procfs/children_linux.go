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

// errNoChildrenFile means that the kernel lists no children (it was built
// without CONFIG_PROC_CHILDREN).
var errNoChildrenFile = errors.New("no children file")

// expectOfThreads puts the children of every thread of a process on the list.
func (s *sampler) expectOfThreads(ctx context.Context, process dir, pid int64) error {
	var err error
	s.tids, err = process.numbers("task", s.buf, s.tids[:0])
	if err != nil {
		return s.unlessEnded(err)
	}
	for _, tid := range s.tids {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.expectOfThread(process, pid, tid); err != nil {
			return err
		}
	}
	return nil
}

// expectOfThread puts the children of one thread on the list: each thread has
// those that it has begotten, and those that a thread which ended has left it.
func (s *sampler) expectOfThread(process dir, pid, tid int64) error {
	thread := "task/" + decimal(tid)
	list, err := process.readAll(thread+"/children", s.buf)
	switch {
	case errors.Is(err, errTooLong):
		return errTooLarge
	case errors.Is(err, unix.ENOENT) && process.exists(lasting(thread, pid == tid)) == nil:
		return errNoChildrenFile
	case err != nil:
		return s.unlessEnded(err)
	}
	return parsePIDs(list, func(child int64) error { return s.tree.expect(pid, child) })
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
func (s *sampler) unlessEnded(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		s.tree.raced = true
		return nil
	}
	return err
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
