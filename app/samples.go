package app

import (
	"slices"
	"sync"
	"time"

	"github.com/orchmetrics/orchmetrics/ports"
)

// recentSamples keeps the last samples of the processes for the length of one
// clock tick: what the kernel counts does not change in between, and a flood of
// requests would otherwise read /proc for each. Each sample says when it was
// taken.
type recentSamples struct {
	mu      sync.Mutex
	pids    []int64
	taken   time.Time
	samples []ports.Sample
}

// of returns the samples of these pids if they are still fresh.
func (r *recentSamples) of(pids []int64, tick time.Duration) ([]ports.Sample, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.taken) >= tick || !slices.Equal(r.pids, pids) {
		return nil, false
	}
	return r.samples, true
}

// keep remembers samples, which must not be changed any more. They count from
// before they were taken.
func (r *recentSamples) keep(pids []int64, began time.Time, samples []ports.Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pids, r.taken, r.samples = pids, began, samples
}
