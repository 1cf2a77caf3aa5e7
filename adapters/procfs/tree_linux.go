package procfs

import (
	"context"
	"errors"

	"github.com/orchmetrics/orchmetrics/domain"
)

// maxTreeProcesses bounds one tree: a parallel build has some hundred processes,
// and a fork bomb must not hold up the answer. Reading 4096 takes less than 100 ms.
const maxTreeProcesses = 4096

// maxAttempts is how often a tree is summed because members of it came and went
// on the way. What changed is read anew, which takes some microseconds; the last
// sum is kept as it is.
const maxAttempts = 3

// tree is the sum over a process and its descendants.
type tree struct {
	ticks, processes int64
	activity         activity
}

// member is a process in the tree that is being summed.
type member struct {
	pid    int64
	parent *process // nil for the top
}

// sumTree adds up a process and all below it. The error says why that cannot be
// done, or why the process itself could not be read.
func (s *sampler) sumTree(ctx context.Context, pid int64) (sum tree, err error) {
	if top := s.known[pid]; top != nil && errors.Is(top.unlisted, errNoChildrenFile) {
		if err := s.readAllProcesses(ctx); err != nil {
			return tree{}, err
		}
	}
	for attempt := 1; ; attempt++ {
		var changed bool
		sum, changed, err = s.sumOnce(ctx, pid)
		if !changed || attempt == maxAttempts || ctx.Err() != nil {
			return sum, err
		}
	}
}

// sumOnce goes from parents to children: whoever is waited for on the way is
// found gone, and never counted both for itself and in its parent's cutime.
func (s *sampler) sumOnce(ctx context.Context, top int64) (sum tree, changed bool, err error) {
	seen := map[int64]bool{top: true} // against counting twice, and cycles
	for pending := []member{{pid: top}}; len(pending) > 0; {
		m := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		p, err := s.findMember(ctx, m)
		switch {
		case err == nil:
		case m.parent != nil && s.status(m.pid, err) == domain.ProcessGone:
			m.parent.stale, changed = true, true
			continue
		default:
			return sum, changed, err
		}
		changed = changed || p.stale
		sum.ticks += p.utime + p.stime + p.cutime + p.cstime
		sum.processes++
		sum.activity.add(p.activity)
		if p.unlisted != nil {
			return sum, changed, p.unlisted
		}
		for _, child := range p.children {
			if seen[child] {
				continue
			}
			if len(seen) == maxTreeProcesses {
				return sum, changed, errTooLarge
			}
			seen[child] = true
			pending = append(pending, member{child, p})
		}
	}
	return sum, changed, nil
}

// findMember reads a member of a tree, unless it is known as what its parent says.
func (s *sampler) findMember(ctx context.Context, m member) (*process, error) {
	parent := int64(anyParent)
	if m.parent != nil {
		parent = m.parent.pid
	}
	if p := s.known[m.pid]; p != nil && !p.stale && (parent == anyParent || p.ppid == parent) {
		return p, nil
	}
	if s.allKnown {
		return nil, errGone // before all were read
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	delete(s.known, m.pid)
	p, err := s.files.readProcess(ctx, m.pid, parent)
	if err == nil {
		s.keep(s.known, p)
	}
	return p, err
}

// readAllProcesses reads every process of the mount, for a kernel that does not list
// children: a process is a child of the one that it names as its parent. From then on
// nothing else is read in the call, so that no process is newer than its children.
// Those that end on the way are left out.
func (s *sampler) readAllProcesses(ctx context.Context) error {
	pids, err := s.root.appendIDs(nil, ".", s.files.buf)
	if err != nil {
		return err
	}
	all := make(map[int64]*process, len(pids))
	partial := s.isBlind() // some process could not be read: it may be anybody's child
	for _, pid := range pids {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := s.files.readProcess(ctx, pid, anyParent)
		if err != nil {
			s.note(pid, err)
			partial = partial || s.status(pid, err) != domain.ProcessGone
			continue
		}
		s.keep(all, p)
	}
	for _, p := range all {
		p.children, p.unlisted, p.stale = nil, nil, false
		if partial {
			p.unlisted = errUnseen
		}
	}
	for pid, p := range all {
		if parent := all[p.ppid]; parent != nil {
			parent.children = append(parent.children, pid)
		}
	}
	s.known, s.allKnown = all, true
	return nil
}
