package procfs

import (
	"context"
	"errors"

	"github.com/orchmetrics/orchmetrics/domain"
)

// maxTreeProcesses bounds one tree: a parallel build has some hundred processes,
// and a fork bomb must not hold up the answer. Reading 4096 takes less than 100 ms.
const maxTreeProcesses = 4096

// anyParent asks for a process whoever its parent is.
const anyParent = -1

var (
	// errTooLarge means that a tree has more than maxTreeProcesses.
	errTooLarge = errors.New("too many processes in the tree")
	// errGone means that an id is not (or no longer) that of the process meant.
	errGone = errors.New("no such process")
)

// member is a process in a tree as its parent named it.
type member struct {
	pid, parent int64
}

// tree is the sum over a process and its descendants, and the members still to
// be read.
type tree struct {
	ticks, processes int64
	pending          []member
	seen             map[int64]bool // against counting twice, and cycles
	raced            bool           // a member came or went while the tree was read
}

// reset begins a new tree with the memory of the last one.
func (t *tree) reset() {
	if len(t.seen) > 0 { // most processes have no children
		clear(t.seen)
	}
	*t = tree{pending: t.pending[:0], seen: t.seen}
}

// expect puts a child on the list of what is to be read.
func (t *tree) expect(parent, pid int64) error {
	if t.seen == nil {
		t.seen = make(map[int64]bool)
	}
	t.seen[parent] = true
	if t.seen[pid] {
		return nil
	}
	if len(t.seen) == maxTreeProcesses {
		return errTooLarge
	}
	t.seen[pid] = true
	t.pending = append(t.pending, member{pid: pid, parent: parent})
	return nil
}

func (t *tree) add(r reading) {
	t.ticks += r.ownTicks() + r.waitedTicks()
	t.processes++
}

// sum adds up the tree below a process, whose children are pending already. It
// goes from parents to children: whoever is waited for on the way is found gone,
// and never counted both for itself and in its parent's cutime.
func (s *sampler) sum(ctx context.Context, top reading) error {
	s.tree.add(top)
	for len(s.tree.pending) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		last := len(s.tree.pending) - 1
		next := s.tree.pending[last]
		s.tree.pending = s.tree.pending[:last]
		switch r, err := s.visit(ctx, next); {
		case err == nil:
			s.tree.add(*r)
		case r == nil && s.status(err) == domain.ProcessGone:
			s.tree.raced = true
		default:
			return err
		}
	}
	return nil
}

// visit reads one process and puts its children on the list. A reading with an
// error is good; its children are unknown then.
//
// The children are listed before the stat is read. A child that is waited for in
// between is then found gone, and the tree is read anew; the other way round it
// would be in neither. A process of several threads shows this only in its stat,
// so that it is read again after the lists of all threads.
func (s *sampler) visit(ctx context.Context, m member) (*reading, error) {
	if r, ok := s.table.find(m.pid); ok {
		return &r, s.expectFromTable(m.pid)
	}
	process, err := openDir(s.root, decimal(m.pid))
	if err != nil {
		return nil, err
	}
	defer process.close()
	known := len(s.tree.pending)
	listErr := s.expectOfThread(process, m.pid, m.pid)
	r, err := s.read(process, m)
	if err == nil && listErr == nil && r.threads > 1 {
		listErr = s.expectOfThreads(ctx, process, m.pid)
		r, err = s.read(process, m)
	}
	if err != nil {
		s.tree.pending = s.tree.pending[:known]
		return nil, err
	}
	if errors.Is(listErr, errNoChildrenFile) {
		listErr = s.expectByTable(ctx, m.pid)
	}
	return &r, listErr
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
