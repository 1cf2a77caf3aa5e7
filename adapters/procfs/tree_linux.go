package procfs

import (
	"context"

	"github.com/orchmetrics/orchmetrics/domain"
)

// maxTreeProcesses bounds one tree: a parallel build has some hundred processes,
// and a fork bomb must not hold up the answer. Reading 4096 takes less than 100 ms.
const maxTreeProcesses = 4096

// maxNodes bounds what the trees of one call remember, in some ten megabytes.
// Only trees that are below each other have anything of it.
const maxNodes = 1 << 16

// maxAttempts is how often a tree is summed because members of it came and went
// on the way. What changed is read anew, which takes some microseconds; the last
// sum is kept as it is.
const maxAttempts = 3

// node is a process in the trees of a call. It is read once for all of them:
// where agents run below each other, or under one pid, nothing is read again and
// again.
type node struct {
	reading

	ticks    int64 // what it adds to a tree
	children []*node
	unlisted error  // why they are unknown
	known    bool   // it was read
	stale    bool   // a child was gone, or a thread: it is to be read anew
	counted  uint64 // the last sum that it is in, against counting twice, and cycles
}

// node finds what is known of a process; it may be nothing yet.
func (s *sampler) node(pid int64) *node {
	n := s.nodes[pid]
	if n == nil {
		n = &node{reading: reading{stat: stat{pid: pid}}}
		s.nodes[pid] = n
	}
	return n
}

// forget begins anew once too much is remembered.
func (s *sampler) forget() {
	if len(s.nodes) > maxNodes {
		clear(s.nodes)
	}
}

// tree is the sum over a process and its descendants.
type tree struct {
	ticks, processes int64
}

// branch is a node in the tree that is being summed, and its parent there.
type branch struct {
	n, parent *node // parent is nil for the top
}

// sum adds up the tree of a process. Unless top is known then, the error says why
// the process could not be read; else, why its tree could not.
func (s *sampler) sum(ctx context.Context, top *node, threaded bool) (sum tree, err error) {
	for attempt := 1; ; attempt++ {
		var raced bool
		sum, raced, err = s.sumOnce(ctx, top, threaded)
		if !raced || attempt == maxAttempts || ctx.Err() != nil {
			return sum, err
		}
	}
}

// sumOnce goes from parents to children: whoever is waited for on the way is
// found gone, and never counted both for itself and in its parent's cutime.
func (s *sampler) sumOnce(ctx context.Context, top *node, threaded bool) (sum tree, raced bool, err error) {
	s.sums++
	top.counted = s.sums
	expected := 1
	s.pending = append(s.pending[:0], branch{n: top})
	for len(s.pending) > 0 {
		last := len(s.pending) - 1
		b := s.pending[last]
		s.pending = s.pending[:last]
		switch err := s.learn(ctx, b, threaded && b.n == top); {
		case err == nil:
		case b.parent != nil && s.status(b.n.pid, err) == domain.ProcessGone:
			b.parent.stale, raced = true, true
			continue
		default:
			return sum, raced, err
		}
		raced = raced || b.n.stale
		sum.ticks += b.n.ticks
		sum.processes++
		if b.n.unlisted != nil {
			return sum, raced, b.n.unlisted
		}
		for _, child := range b.n.children {
			if child.counted == s.sums {
				continue
			}
			if expected == maxTreeProcesses {
				return sum, raced, errTooLarge
			}
			expected++
			child.counted = s.sums
			s.pending = append(s.pending, branch{n: child, parent: b.n})
		}
	}
	return sum, raced, nil
}

// learn reads a member of a tree, unless it is known as what its parent says.
func (s *sampler) learn(ctx context.Context, b branch, threaded bool) error {
	if b.n.known && !b.n.stale && (b.parent == nil || b.n.ppid == b.parent.pid) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m := member{pid: b.n.pid, parent: anyParent}
	if b.parent != nil {
		m.parent = b.parent.pid
	}
	f, err := s.visit(ctx, m, threaded)
	if err != nil {
		b.n.known = false
		return err
	}
	children := make([]*node, len(f.children))
	for i, child := range f.children {
		children[i] = s.node(child)
	}
	*b.n = node{
		reading: f.reading, ticks: f.treeTicks(), children: children, unlisted: f.unlisted,
		known: true, stale: f.raced, counted: b.n.counted,
	}
	return nil
}
