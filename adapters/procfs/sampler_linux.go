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

// maxAttempts is how often a process is read anew because members of its tree
// came and went on the way. Each try takes some microseconds for each member;
// the last one is kept as it is.
const maxAttempts = 3

// maxHostStat bounds ROOT/stat, whose line of interrupt counts alone has some
// hundred kilobytes on a large host.
const maxHostStat = 4 << 20

// sampler is the state of one call: buffers to use again, and what is looked up
// once. It is used by one goroutine.
type sampler struct {
	reader   *Reader
	root     dir
	pageSize int64
	buf      []byte
	tids     []int64
	tree     tree
	table    *table // nil unless the kernel has no children files

	blind    *bool  // whether not even process 1 can be seen; nil: not asked yet
	bootTime *int64 // in seconds; nil: not asked yet, below 0: unknown
	broken   error  // the first file that made no sense
	stopped  error  // the context's error
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
	s := &sampler{reader: r, root: root, pageSize: int64(os.Getpagesize()), buf: *buf}
	for i, pid := range pids {
		if s.stopped = ctx.Err(); s.stopped != nil {
			break
		}
		samples[i] = s.sample(ctx, pid)
	}
	return errors.Join(s.broken, s.stopped)
}

// buffer is one that an earlier call has used, or a new one.
func (r *Reader) buffer() *[]byte {
	if buf, ok := r.buffers.Get().(*[]byte); ok {
		return buf
	}
	return new(make([]byte, bufferSize))
}

// sample reads one process, again if its tree changed on the way.
func (s *sampler) sample(ctx context.Context, pid int64) ports.Sample {
	if !validPID(pid) {
		return withStatus(domain.ProcessGone)
	}
	for attempt := 1; ; attempt++ {
		s.tree.reset()
		sample := s.try(ctx, pid)
		if !s.tree.raced || attempt == maxAttempts {
			return sample
		}
	}
}

func (s *sampler) try(ctx context.Context, pid int64) ports.Sample {
	r, err := s.visit(ctx, member{pid: pid, parent: anyParent})
	if r == nil {
		s.note(pid, err)
		return withStatus(s.status(err))
	}
	process := r.process(s.pageSize)
	process.StartedAt = s.startedAt(r.start)
	if err == nil {
		err = s.sum(ctx, *r)
	}
	if err != nil {
		s.note(pid, err)
	} else {
		process.TreeCPUTicks, process.TreeProcesses = new(s.tree.ticks), new(s.tree.processes)
	}
	return ports.Sample{CPUTicks: new(r.ownTicks()), Process: process}
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
