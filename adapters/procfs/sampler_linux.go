package procfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// maxHostStat bounds ROOT/stat, whose line of interrupt counts alone has some
// hundred kilobytes on a large host.
const maxHostStat = 4 << 20

// sampler is the state of one call: buffers to use again, and what is looked up
// once. It is used by one goroutine.
type sampler struct {
	reader   *Reader
	call     uint64 // the call's number, for the starts that are remembered
	root     dir
	pageSize int64
	buf      []byte
	tids     []int64
	children []int64 // of the process that is being read

	nodes   map[int64]*node // what the trees of this call have read
	pending []branch        // of the tree that is being summed: what is still to be added
	sums    uint64          // how many trees were summed, to mark their members
	table   *table          // nil unless the kernel has no children files

	sameNamespace *bool  // whether the mount's pids are those of this process; nil: not asked yet
	blind         *bool  // whether not even process 1 can be seen; nil: not asked yet
	bootTime      *int64 // in seconds; nil: not asked yet, below 0: unknown
	broken        error  // the first file that made no sense
	stopped       error  // the context's error
}

func (r *Reader) sample(ctx context.Context, pids []int64, samples []ports.Sample) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	root, err := openDir(unix.AT_FDCWD, r.root)
	if err != nil {
		for i := range samples {
			samples[i] = withStatus(domain.ProcessHidden)
		}
		return fmt.Errorf("open proc: %w: %w", domain.CodeProcUnreadable, err)
	}
	defer root.close()
	buf := r.buffer()
	defer r.buffers.Put(buf)
	s := &sampler{reader: r, root: root, pageSize: int64(os.Getpagesize()), buf: *buf, nodes: map[int64]*node{}}
	s.call = r.starts.begin(pids)
	defer r.starts.end(s.call)
	s.sampleAll(ctx, pids, samples)
	return errors.Join(s.broken, s.stopped)
}

// buffer is one that an earlier call has used, or a new one.
func (r *Reader) buffer() *[]byte {
	if buf, ok := r.buffers.Get().(*[]byte); ok {
		return buf
	}
	return new(make([]byte, bufferSize))
}

// sampleAll reads all processes themselves, and only then what is below them: a
// large tree costs itself, should the context end on the way, and no process.
// A pid that is asked for several times is read once.
func (s *sampler) sampleAll(ctx context.Context, pids []int64, samples []ports.Sample) {
	type parent struct {
		place    int
		threaded bool
	}
	var parents []parent
	firsts := make(map[int64]int, len(pids)) // where a pid is asked for first
	for i, pid := range pids {
		if _, again := firsts[pid]; again {
			continue
		}
		if s.stopped = ctx.Err(); s.stopped != nil {
			break
		}
		firsts[pid] = i
		found, done := s.glance(pid)
		samples[i] = found.sample
		if !done {
			parents = append(parents, parent{i, found.threaded})
		}
	}
	for _, p := range parents {
		if s.stopped = ctx.Err(); s.stopped != nil {
			break
		}
		samples[p.place] = s.withTree(ctx, pids[p.place], p.threaded)
	}
	for i, pid := range pids {
		if first, read := firsts[pid]; read && first != i {
			samples[i] = samples[first]
		}
	}
}

// glimpse is a process without what is below it.
type glimpse struct {
	sample   ports.Sample
	threaded bool // it has several threads, whose children are to be listed
}

// glance reads one process itself. It is done with it if nothing is below it.
func (s *sampler) glance(pid int64) (found glimpse, done bool) {
	if !validPID(pid) {
		return glimpse{sample: withStatus(domain.ProcessGone)}, true
	}
	f, err := s.look(member{pid: pid, parent: anyParent})
	if err != nil {
		s.note(pid, err)
		return glimpse{sample: withStatus(s.status(pid, err))}, true
	}
	found.sample = s.sampleOf(f.reading)
	switch {
	case f.kernel:
		return found, true
	case f.unlisted != nil || f.raced || len(f.children) > 0:
		return found, false
	case f.threads > 1:
		found.threaded = true
		return found, false
	default:
		found.sample = withSum(found.sample, tree{ticks: f.treeTicks(), processes: 1})
		return found, true
	}
}

// withTree reads one process anew, and all below it.
func (s *sampler) withTree(ctx context.Context, pid int64, threaded bool) ports.Sample {
	s.forget()
	top := s.node(pid)
	sum, err := s.sum(ctx, top, threaded)
	if err != nil {
		s.note(pid, err)
	}
	switch {
	case !top.known:
		return withStatus(s.status(pid, err))
	case err != nil || top.kernel:
		return s.sampleOf(top.reading)
	default:
		return withSum(s.sampleOf(top.reading), sum)
	}
}

// sampleOf is a process as it was read, without the sum of its tree. A kernel
// thread can be nobody's agent: whatever it does is not shown as an agent's.
func (s *sampler) sampleOf(r reading) ports.Sample {
	if r.kernel {
		return withStatus(domain.ProcessForeign)
	}
	process := r.process(s.pageSize)
	process.StartedAt = s.reader.starts.of(s.call, r.pid, r.start, s.startedAt)
	return ports.Sample{CPUTicks: new(r.ownTicks()), Process: process}
}

func withSum(sample ports.Sample, sum tree) ports.Sample {
	sample.Process.TreeCPUTicks, sample.Process.TreeProcesses = new(sum.ticks), new(sum.processes)
	return sample
}

// startedAt puts start ticks on the wall clock. The boot time is read once for
// each call, since it moves when the wall clock is set.
func (s *sampler) startedAt(ticks int64) *time.Time {
	if s.reader.clockTicks == 0 {
		return nil
	}
	if s.bootTime == nil {
		s.bootTime = new(readBootTime(s.reader.root))
	}
	if *s.bootTime < 0 {
		return nil
	}
	return startedAt(*s.bootTime, ticks, s.reader.clockTicks)
}

func readBootTime(root string) int64 {
	content, err := readBounded(filepath.Join(root, "stat"), maxHostStat)
	if err != nil {
		return -1
	}
	seconds, ok := parseBootTime(content)
	if !ok {
		return -1
	}
	return seconds
}
