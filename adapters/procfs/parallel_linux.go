package procfs

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// Reading is the kernel's work, some ten microseconds for a process and as many again
// for each pair of its threads, and it makes the files of different processes side by
// side. A few agents are read faster than goroutines are started; and more than four
// at once would take a host's processors from those who work there.
const (
	maxReaders     = 4
	worthOneReader = 64 // processes
)

// reading is what came of reading a process itself.
type reading struct {
	pid     int64
	tried   bool // false if the context had ended before
	process *process
	err     error
}

// readEach reads processes, in their order, several at once if there are many.
func readEach(ctx context.Context, root descriptor, pids []int64) []reading {
	readings := make([]reading, len(pids))
	for i, pid := range pids {
		readings[i].pid = pid
	}
	readers := min(maxReaders, runtime.GOMAXPROCS(0), 1+len(pids)/worthOneReader)
	inParts(readings, readers, func(part []reading) {
		files := newProcessReader(root)
		for i := range part {
			if ctx.Err() != nil {
				return
			}
			part[i].read(ctx, files)
		}
	})
	return readings
}

func (r *reading) read(ctx context.Context, files *processReader) {
	r.tried = true
	if !validPID(r.pid) {
		r.err = errGone
		return
	}
	r.process, r.err = files.readProcess(ctx, r.pid, anyParent)
}

// inParts calls do for each part of a list, at once, and returns when all have. What
// panics goes on in the caller, who knows what to do about it.
func inParts[T any](list []T, parts int, do func(part []T)) {
	if len(list) == 0 {
		return
	}
	var (
		group    sync.WaitGroup
		once     sync.Once
		panicked any
	)
	for part := range slices.Chunk(list, (len(list)+parts-1)/parts) {
		group.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					once.Do(func() { panicked = p })
				}
			}()
			do(part)
		})
	}
	group.Wait()
	if panicked != nil {
		panic(panicked)
	}
}
