package procfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Reading is the kernel's work, some ten microseconds for a process and as many again
// for each pair of its threads, and it makes the files of different processes side by
// side. A few agents are read faster than goroutines are started; and more than four
// at once would take a host's processors from those who work there.
const (
	maxReaders     = 4
	worthOneReader = 64 // processes
)

// sampler is the state of one call: what was read, and what is looked up once. It is
// used by one goroutine.
type sampler struct {
	reader *Reader
	files  *processReader
	starts map[int64]startTime // of the processes that this call is asked for

	known    map[int64]*process // what was read: where agents run below each other, it is read once
	allKnown bool               // known has every process of the mount

	sameNamespace *bool  // whether the mount's pids are those of this process; nil: not asked yet
	blind         *bool  // whether not even process 1 can be seen; nil: not asked yet
	bootTime      *int64 // in seconds; nil: not asked yet, below 0: unknown
	broken        error  // the first file that made no sense
	stopped       error  // the context's error
}

func (r *Reader) sample(ctx context.Context, pids []int64, samples []ports.Sample) error {
	root, err := descriptor(unix.AT_FDCWD).open(r.root, asDirectory)
	if err != nil {
		for i := range samples {
			samples[i] = withStatus(domain.ProcessHidden)
		}
		return fmt.Errorf("open proc: %w: %w", domain.CodeProcUnreadable, err)
	}
	defer root.close()
	s := &sampler{
		reader: r,
		files:  &processReader{root: root},
		starts: make(map[int64]startTime, len(pids)),
		known:  make(map[int64]*process, len(pids)),
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(pids)))
	if last := r.starts.Load(); last != nil {
		for _, pid := range distinct { // also one that this call will not come to, or may not see
			if start, ok := (*last)[pid]; ok {
				s.starts[pid] = start
			}
		}
	}
	found := s.sampleAll(ctx, distinct)
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
	readers := min(maxReaders, runtime.GOMAXPROCS(0), 1+len(pids)/worthOneReader)
	readings := readEach(ctx, s.files, pids, readers)
	for _, read := range readings {
		switch {
		case read.err == nil:
			s.known[read.pid] = read.process
		case errors.Is(read.err, ctx.Err()):
			s.stopped = read.err
		default:
			s.note(read.pid, read.err)
			samples[read.pid] = withStatus(s.status(read.pid, read.err))
		}
	}
	for _, read := range readings {
		if read.err == nil {
			samples[read.pid] = s.sampleTree(ctx, read.process)
		}
	}
	return samples
}

// reading is what came of reading a process itself.
type reading struct {
	pid     int64
	process *process
	err     error // the context's if that had ended before
}

// readEach reads processes, in their order, by several readers at once. What panics in
// one of them goes on in the caller, who knows what to do about it, once all have ended.
// The first of the readers is the caller's, of whose buffer there need be no second one.
func readEach(ctx context.Context, own *processReader, pids []int64, readers int) []reading {
	readings := make([]reading, len(pids))
	for i, pid := range pids {
		readings[i].pid = pid
	}
	var group sync.WaitGroup
	panics := make(chan any, readers)
	first := own
	for part := range slices.Chunk(readings, len(readings)/readers+1) {
		files := first
		if first = nil; files == nil {
			files = &processReader{root: own.root}
		}
		group.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					panics <- p
				}
			}()
			for i := range part {
				part[i].process, part[i].err = files.readProcess(ctx, part[i].pid, anyParent)
			}
		})
	}
	group.Wait()
	select {
	case p := <-panics:
		panic(p)
	default:
		return readings
	}
}

// sampleOf is a process as it was read; without a sum, its tree is unknown. A kernel
// thread can be nobody's agent: whatever it does is not shown as an agent's.
func (s *sampler) sampleOf(p *process, sum *tree) ports.Sample {
	if p.kernel {
		return withStatus(domain.ProcessForeign)
	}
	shown := &domain.Process{
		Status:            domain.ProcessOK,
		State:             new(string(rune(p.state))),
		StartTicks:        new(p.start),
		StartedAt:         s.startedAt(p.pid, p.start),
		Threads:           new(p.threads),
		RSSBytes:          new(p.rssPages * int64(os.Getpagesize())),
		ChildrenCPUTicks:  new(p.cutime + p.cstime),
		SampledBoottimeMS: p.boottimeMS,
		ReadBytes:         p.readBytes.orNil(),
		WrittenBytes:      p.writtenBytes.orNil(),
	}
	// A first thread that has ended alone has the state Z as well, and its process goes on.
	if p.state == 'Z' && p.threads <= 1 {
		shown.Status = domain.ProcessZombie
	}
	counted := p.timeSlices.value > 0 // a kernel that does not count shows zeros
	if counted {
		shown.RunNS, shown.TimeSlices = p.runNS.orNil(), p.timeSlices.orNil()
	}
	if sum != nil {
		shown.TreeCPUTicks, shown.TreeProcesses = new(sum.ticks), new(sum.processes)
		shown.TreeReadBytes, shown.TreeWrittenBytes = sum.readBytes.orNil(), sum.writtenBytes.orNil()
	}
	if sum != nil && counted {
		shown.TreeRunNS, shown.TreeTimeSlices = sum.runNS.orNil(), sum.timeSlices.orNil()
	}
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
	at := startedAt(*s.bootTime, ticks, s.reader.clockTicks)
	if at != nil {
		s.starts[pid] = startTime{ticks: ticks, at: *at}
	}
	return at
}

// maxHostStat bounds ROOT/stat, whose line of interrupt counts alone has some
// hundred kilobytes on a large host.
const maxHostStat = 4 << 20

// readBootTime is the boot time in seconds since 1970-01-01 UTC, below 0 if unknown.
func readBootTime(root string) int64 {
	content, err := readBounded(filepath.Join(root, "stat"), maxHostStat)
	if seconds, ok := parseBootTime(content); err == nil && ok {
		return seconds
	}
	return -1
}

// maxAuxv bounds the auxiliary vector, which has some 25 entries of 16 bytes.
const maxAuxv = 1 << 14

// hostClockTicks is the number of clock ticks in a second, 0 if unknown.
func hostClockTicks(root string) int64 {
	auxv, err := readBounded(filepath.Join(root, "self", "auxv"), maxAuxv)
	if err != nil {
		return 0
	}
	return parseClockTicks(auxv)
}

// boottimeMS is CLOCK_BOOTTIME in milliseconds; see clock_gettime(2).
func boottimeMS() *int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return nil
	}
	return new(now.Nano() / int64(time.Millisecond))
}
