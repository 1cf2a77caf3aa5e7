package procfs

import (
	"context"

	"github.com/orchmetrics/orchmetrics/domain"
)

// table is every process of the mount, for a kernel that does not list children.
// It is read once for a call; from then on all readings of trees come from here,
// so that a process is not newer than its children are.
type table struct {
	processes map[int64]reading
	children  map[int64][]int64
	partial   bool // some process could not be read: it may be anybody's child
}

func (t *table) find(pid int64) (reading, bool) {
	if t == nil {
		return reading{}, false
	}
	r, ok := t.processes[pid]
	return r, ok
}

// ofTable is a process with its children of the table.
func (s *sampler) ofTable(r reading) *family {
	if s.table.partial {
		return &family{reading: r, unlisted: errUnseen}
	}
	children := s.table.children[r.pid]
	if len(children) > maxTreeProcesses {
		return &family{reading: r, unlisted: errTooLarge}
	}
	return &family{reading: r, children: children}
}

// readTable reads every process of the mount. Those that end on the way are left
// out.
func (s *sampler) readTable(ctx context.Context) (*table, error) {
	pids, err := s.root.numbers(".", s.buf, nil)
	if err != nil {
		return nil, err
	}
	t := &table{
		processes: make(map[int64]reading, len(pids)),
		children:  make(map[int64][]int64),
		partial:   s.isBlind(),
	}
	for _, pid := range pids {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.readInto(t, pid)
	}
	return t, nil
}

func (s *sampler) readInto(t *table, pid int64) {
	process, err := openDir(s.root, decimal(pid))
	if err == nil {
		defer process.close()
		var r reading
		if r, err = s.read(process, member{pid: pid, parent: anyParent}); err == nil {
			t.processes[pid] = r
			t.children[r.ppid] = append(t.children[r.ppid], pid)
			return
		}
	}
	s.note(pid, err)
	t.partial = t.partial || s.status(pid, err) != domain.ProcessGone
}
