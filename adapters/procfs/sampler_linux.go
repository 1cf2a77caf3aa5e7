package procfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// maxHostStat bounds ROOT/stat, whose line of interrupt counts alone has some
// hundred kilobytes on a large host.
const maxHostStat = 4 << 20

// sampler is the state of one call: what was read, and what is looked up once. It is
// used by one goroutine.
type sampler struct {
	reader   *Reader
	root     descriptor
	files    *processReader
	pageSize int64
	starts   map[int64]startTime // of the processes that this call is asked for

	known    map[int64]*process // what was read: where agents run below each other, it is read once
	allKnown bool               // known has every process of the mount

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
	root, err := descriptor(unix.AT_FDCWD).openDir(r.root)
	if err != nil {
		for i := range samples {
			samples[i] = withStatus(domain.ProcessHidden)
		}
		return fmt.Errorf("open proc: %w: %w", domain.CodeProcUnreadable, err)
	}
	defer root.close()
	s := &sampler{
		reader:   r,
		root:     root,
		files:    newProcessReader(root),
		pageSize: int64(os.Getpagesize()),
		starts:   r.knownStarts(pids),
		known:    make(map[int64]*process, len(pids)),
	}
	found := s.sampleAll(ctx, slices.Compact(slices.Sorted(slices.Values(pids))))
	for i, pid := range pids {
		samples[i] = found[pid]
	}
	r.starts.Store(&s.starts)
	return errors.Join(s.broken, s.stopped)
}

// sampleAll reads all processes themselves, and only then what is below them: a
// large tree costs itself, should the context end on the way, and no process.
func (s *sampler) sampleAll(ctx context.Context, pids []int64) map[int64]ports.Sample {
	samples := make(map[int64]ports.Sample, len(pids))
	for _, read := range readEach(ctx, s.root, pids) {
		if !read.tried {
			s.stopped = ctx.Err()
			continue
		}
		samples[read.pid] = s.sampleItself(read)
	}
	for _, pid := range pids {
		if itself := samples[pid]; itself.CPUTicks != nil {
			samples[pid] = s.sampleTree(ctx, pid, itself)
		}
	}
	return samples
}

// sampleItself is the sample of a process without what is below it.
func (s *sampler) sampleItself(read reading) ports.Sample {
	if read.err != nil {
		s.note(read.pid, read.err)
		return withStatus(s.status(read.pid, read.err))
	}
	s.keep(s.known, read.process)
	return s.sampleOf(read.process, nil)
}

// keep makes a process known, and notes what is missing of it.
func (s *sampler) keep(known map[int64]*process, p *process) {
	for _, err := range p.uncounted {
		s.note(p.pid, err)
	}
	known[p.pid] = p
}

// sampleTree adds what is below a process to its sample.
func (s *sampler) sampleTree(ctx context.Context, pid int64, itself ports.Sample) ports.Sample {
	if len(s.known) > s.reader.maxKnown && !s.allKnown {
		clear(s.known)
	}
	sum, err := s.sumTree(ctx, pid)
	top := s.known[pid] // it may have been read anew
	if err == nil {
		return s.sampleOf(top, &sum)
	}
	s.note(pid, err)
	switch {
	case top != nil:
		return s.sampleOf(top, nil)
	case ctx.Err() != nil:
		return itself
	default:
		return withStatus(s.status(pid, err))
	}
}

// sampleOf is a process as it was read; without a sum, its tree is unknown. A kernel
// thread can be nobody's agent: whatever it does is not shown as an agent's.
func (s *sampler) sampleOf(p *process, sum *tree) ports.Sample {
	if p.kernel {
		return withStatus(domain.ProcessForeign)
	}
	status := domain.ProcessOK
	// A first thread that has ended alone has the state Z as well, and its process goes on.
	if p.state == 'Z' && p.threads <= 1 {
		status = domain.ProcessZombie
	}
	shown := &domain.Process{
		Status:            status,
		State:             new(string(rune(p.state))),
		StartTicks:        new(p.start),
		StartedAt:         s.startedAt(p.pid, p.start),
		Threads:           new(p.threads),
		RSSBytes:          new(p.rssPages * s.pageSize),
		ChildrenCPUTicks:  new(p.cutime + p.cstime),
		SampledBoottimeMS: p.boottimeMS,
	}
	a := p.activity
	counted := a.timeSlices.value > 0 // a kernel that does not count shows zeros
	if counted {
		shown.RunNS, shown.TimeSlices = a.runNS.orNil(), a.timeSlices.orNil()
	}
	shown.ReadBytes, shown.WrittenBytes = a.readBytes.orNil(), a.writtenBytes.orNil()
	if sum == nil {
		return ports.Sample{CPUTicks: new(p.utime + p.stime), Process: shown}
	}
	shown.TreeCPUTicks, shown.TreeProcesses = new(sum.ticks), new(sum.processes)
	if counted {
		shown.TreeRunNS, shown.TreeTimeSlices = sum.activity.runNS.orNil(), sum.activity.timeSlices.orNil()
	}
	shown.TreeReadBytes, shown.TreeWrittenBytes = sum.activity.readBytes.orNil(), sum.activity.writtenBytes.orNil()
	return ports.Sample{CPUTicks: new(p.utime + p.stime), Process: shown}
}

// startedAt puts start ticks on the wall clock. The kernel counts them since boot,
// and works out anew when that was whenever the wall clock is set, so that a step of
// the clock, or its slow correction, would move the start of a process that runs:
// one that was seen in the last call keeps its start. The boot time is read once.
func (s *sampler) startedAt(pid, ticks int64) *time.Time {
	if known, ok := s.starts[pid]; ok && known.ticks == ticks {
		return new(known.at)
	}
	if s.reader.clockTicks == 0 {
		return nil
	}
	if s.bootTime == nil {
		s.bootTime = new(readBootTime(s.reader.root))
	}
	if *s.bootTime < 0 {
		return nil
	}
	at := startedAt(*s.bootTime, ticks, s.reader.clockTicks)
	if at != nil {
		s.starts[pid] = startTime{ticks: ticks, at: *at}
	}
	return at
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

// knownStarts are those of the last call that are asked for again: also of processes
// which this call will not come to, or may not see.
func (r *Reader) knownStarts(pids []int64) map[int64]startTime {
	starts := make(map[int64]startTime, len(pids))
	if last := r.starts.Load(); last != nil {
		for _, pid := range pids {
			if known, ok := (*last)[pid]; ok {
				starts[pid] = known
			}
		}
	}
	return starts
}
