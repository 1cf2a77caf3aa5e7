package procfs

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// maxKnown bounds what the trees of one call remember, in some ten megabytes.
// Only trees that are below each other have anything of it.
const maxKnown = 1 << 16

var _ ports.CPUReader = (*Reader)(nil)

// Reader reads processes from one proc mount. It is safe for concurrent use; a call
// holds at most four descriptors, or nine where it reads more than 64 processes,
// at most four of them at once.
type Reader struct {
	root       string
	clockTicks int64 // 0: unknown
	maxKnown   int
	starts     atomic.Pointer[map[int64]startTime] // when the processes of the last call started, by pid
}

// startTime is when a process started on the wall clock.
type startTime struct {
	ticks int64 // since boot: with the pid, they tell one process from another
	at    time.Time
}

// New returns a reader of the proc filesystem mounted at root, such as "/proc".
// It does not fail: what cannot be read says so when it is asked for.
func New(root string) *Reader {
	return &Reader{root: root, clockTicks: hostClockTicks(root), maxKnown: maxKnown}
}

// ClockTicks returns the number of clock ticks in a second: AT_CLKTCK as
// ROOT/self/auxv had it when the reader was made, never a guess. It is nil where
// there is no such file, and where it may not be read: a service with file
// capabilities is not dumpable, and does not own its own auxv.
func (r *Reader) ClockTicks() *int64 {
	if r.clockTicks == 0 {
		return nil
	}
	return new(r.clockTicks)
}

// Sample returns one sample for each of the pids, in their order. One that is
// asked for twice is read once.
//
// A process that was read is "ok" or "zombie" and has ticks. The ticks of a
// zombie are frozen, and remain until its parent waits for it. A process whose
// first thread has ended while others run is not a zombie, though its state is
// "Z": it is "ok". A thread of the kernel is "foreign", and nothing is told of it.
// A number that cannot be a pid, the id of a thread that is not its process's
// first, and a process that has already been waited for are "gone".
//
// "hidden" means that it cannot be told whether the process lives: because this
// service may not look (hidepid), because not even process 1 can be seen, or
// because reading it failed otherwise (no free descriptor, not a stat line). The
// last also gives an error. Where the mount is of this process's own pid namespace,
// the kernel is asked about a process that the mount does not show, with signal 0
// of kill(2): that sends nothing, and touches no process.
//
// All processes themselves are read before what is below them. If the context ends
// on the way, those that were read are there, without their trees.
//
// TreeCPUTicks and TreeProcesses are complete or nil. They are nil when a live
// descendant could not be read, when there are more than 4096 processes in the
// tree, and when the context ended before its end. An unreaped zombie counts as a
// member: nobody else accounts for its ticks yet. An orphan that was handed to
// another parent has left the tree. The tree is not read in one instant: where
// members end on the way, what they changed is read anew, and it is summed up to
// three times in all. Should that not suffice, a child that was waited for just
// then is missed in this sample, and shows again in the waited-for ticks of the
// next. A process in several trees, as where agents start agents, is read once for
// all of them. Where the kernel lists no children, all processes are read once for
// a call instead.
//
// RunNS and TimeSlices are of the threads that live, ReadBytes and WrittenBytes of the
// process, its ended threads and the children that it waited for. They are read just
// before the ticks, and nil where the kernel does not count them or this service may
// not read them; those of the tree also if that is so for one of its members.
//
// StartedAt is nil if the boot time or ClockTicks is unknown. For the processes of
// the last call it is what it was then, however the wall clock was set since.
//
// StartedAfterJobS is left to whoever knows the job.
//
// An error wraps domain.CodeProcUnreadable if the mount itself cannot be opened
// (every process is then "hidden"), the context's error if that ended, and else
// names the first process whose files make no sense.
func (r *Reader) Sample(ctx context.Context, pids []int64) ([]ports.Sample, error) {
	samples := make([]ports.Sample, len(pids))
	if len(pids) == 0 {
		return samples, nil
	}
	err := ctx.Err()
	if err == nil {
		err = r.sample(ctx, pids, samples)
	}
	if err != nil {
		return samples, fmt.Errorf("sample processes: %w", err)
	}
	return samples, nil
}

// withStatus is a sample that says nothing but what became of the process.
func withStatus(status domain.ProcessStatus) ports.Sample {
	return ports.Sample{Process: &domain.Process{Status: status}}
}
