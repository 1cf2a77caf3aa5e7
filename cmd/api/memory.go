package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// memoryLimit is above what is in use while 10,000 running jobs are polled, in
	// whatever form, and below what is documented to be enough for that: near it,
	// garbage is collected more often, which costs little, since answers hold no pointers.
	memoryLimit = 100 << 20
	// quietMemory is how much may stay mapped while nothing happens.
	quietMemory = 32 << 20
	// quietAfter is how long nothing has to happen for that.
	quietAfter = 10 * time.Second
)

// boundMemory lets the heap grow to half more than what is in use, and has garbage
// collected more often beyond memoryLimit. By itself Go would let it grow to double, and
// to 4 MB at least, which is more than what is in use. GOGC and GOMEMLIMIT still decide
// if they are set.
func boundMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

// releaseMemory gives the memory of a peak back when it is over, until the context
// ends. Go does so when it collects garbage, and that it does when more is
// allocated: if nobody asks any more, not for minutes.
func releaseMemory(ctx context.Context) {
	ticker := time.NewTicker(quietAfter)
	defer ticker.Stop()
	last, released := collections(), false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		quiet := collections() == last
		if quiet && !released && mapped() > quietMemory {
			runtime.GC() // what lies in pools is forgotten by the second one
			debug.FreeOSMemory()
			trimMalloc()
			released = true
		} else if !quiet {
			released = false
		}
		last = collections()
	}
}

// collections is how often garbage was collected.
func collections() uint64 {
	return measure("/gc/cycles/total:gc-cycles")[0]
}

// mapped is how many bytes the Go runtime has and has not given back.
func mapped() uint64 {
	found := measure("/memory/classes/total:bytes", "/memory/classes/heap/released:bytes")
	return found[0] - found[1]
}

func measure(names ...string) []uint64 {
	samples := make([]metrics.Sample, len(names))
	for i, name := range names {
		samples[i].Name = name
	}
	metrics.Read(samples)
	values := make([]uint64, len(names))
	for i, sample := range samples {
		values[i] = sample.Value.Uint64()
	}
	return values
}
