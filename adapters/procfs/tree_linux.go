package procfs

import (
	"context"
	"errors"
	"math"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
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
	activity
}

// activity is what a process, or a tree, has done, in counters that move though it
// uses no processor time worth a tick.
type activity struct {
	runNS, timeSlices       counter // of the threads that live
	readBytes, writtenBytes counter // of the process, its ended threads and the children that it waited for
}

// counter is a number that grows, or is unknown.
type counter struct {
	value   int64
	unknown bool
}

// add is unknown from the first term that is, and beyond what can be counted.
func (c *counter) add(b counter) {
	c.unknown = c.unknown || b.unknown || b.value > math.MaxInt64-c.value
	if !c.unknown {
		c.value += b.value
	}
}

func (c counter) orNil() *int64 {
	if c.unknown {
		return nil
	}
	return new(c.value)
}

// member is a process in the tree that is being summed.
type member struct {
	pid    int64
	parent *process // nil for the top
}

// sampleTree is the sample of a process that was read, with the sum of its tree.
func (s *sampler) sampleTree(ctx context.Context, itself *process) ports.Sample {
	if itself.kernel {
		return s.sampleOf(itself, nil)
	}
	if len(s.known) > s.reader.maxKnown && !s.allKnown {
		clear(s.known)
	}
	sum, changed, err := s.sumTree(ctx, itself.pid)
	if errors.Is(err, errNoChildrenFile) {
		if err = s.readAllProcesses(ctx); err == nil {
			sum, changed, err = s.sumTree(ctx, itself.pid)
		}
	}
	for attempt := 1; changed && attempt < maxAttempts && ctx.Err() == nil; attempt++ {
		sum, changed, err = s.sumTree(ctx, itself.pid)
	}
	top := s.known[itself.pid] // it may have been read anew
	if err == nil {
		return s.sampleOf(top, &sum)
	}
	s.note(itself.pid, err)
	switch {
	case top != nil:
		return s.sampleOf(top, nil)
	case ctx.Err() != nil:
		return s.sampleOf(itself, nil)
	default:
		return withStatus(s.status(itself.pid, err))
	}
}

// sumTree adds up a process and all below it, and says whether members of the tree
// came or went on the way. The error says why it cannot be done, or why the process
// itself could not be read.
//
// It goes from parents to children: whoever is waited for on the way is found gone,
// and never counted both for itself and in its parent's cutime.
func (s *sampler) sumTree(ctx context.Context, top int64) (sum tree, changed bool, err error) {
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
		sum.processes++
		sum.ticks += p.utime + p.stime + p.cutime + p.cstime
		sum.runNS.add(p.runNS)
		sum.timeSlices.add(p.timeSlices)
		sum.readBytes.add(p.readBytes)
		sum.writtenBytes.add(p.writtenBytes)
		for _, err := range p.uncounted {
			s.note(p.pid, err)
		}
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
	p, err := s.files.readProcess(ctx, m.pid, parent)
	if err != nil {
		delete(s.known, m.pid)
		return nil, err
	}
	s.known[m.pid] = p
	return p, nil
}

// readAllProcesses reads every process of the mount, for a kernel that does not list
// children: a process is a child of the one that it names as its parent. From then on
// nothing else is read in the call, so that no process is newer than its children.
// Those that end on the way are left out.
func (s *sampler) readAllProcesses(ctx context.Context) error {
	pids, err := s.files.root.appendIDs(nil, ".", s.files.buf[:])
	if err != nil {
		return err
	}
	all := make(map[int64]*process, len(pids))
	partial := s.isBlind() // some process could not be read: it may be anybody's child
	for _, pid := range pids {
		p, err := s.files.readProcess(ctx, pid, anyParent)
		switch {
		case err == nil:
			p.children, p.unlisted, p.stale = nil, nil, false
			all[pid] = p
		case ctx.Err() != nil:
			return err
		default:
			s.note(pid, err)
			partial = partial || s.status(pid, err) != domain.ProcessGone
		}
	}
	for pid, p := range all {
		if partial {
			p.unlisted = errUnseen
		}
		if parent := all[p.ppid]; parent != nil {
			parent.children = append(parent.children, pid)
		}
	}
	s.known, s.allKnown = all, true
	return nil
}
