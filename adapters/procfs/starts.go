package procfs

import (
	"maps"
	"sync"
	"time"
)

// starts remembers when processes started on the wall clock. The kernel counts
// their starts since boot, and works out anew when that was whenever the wall
// clock is set, so that a step of the clock, or its slow correction, would move
// the start of a process that runs. It remembers the pids of the last call and
// no others.
type starts struct {
	mu    sync.Mutex
	calls uint64
	known map[int64]rememberedStart
}

type rememberedStart struct {
	ticks int64 // since boot: with the pid, they tell one process from another
	at    time.Time
	asked uint64 // the last call that asked for the pid
}

// begin numbers a call, and keeps what is known of its pids until the next one:
// also of those which that call will not come to, or may not see.
func (s *starts) begin(pids []int64) (call uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	for _, pid := range pids {
		if known, ok := s.known[pid]; ok {
			known.asked = s.calls
			s.known[pid] = known
		}
	}
	return s.calls
}

// of returns when a process started: as it was told before, or else by the boot
// time. It is nil if that is unknown.
func (s *starts) of(call uint64, pid, ticks int64, byBootTime func(ticks int64) *time.Time) *time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.known[pid]; ok && known.ticks == ticks {
		return new(known.at)
	}
	at := byBootTime(ticks)
	if at == nil {
		return nil
	}
	if s.known == nil {
		s.known = map[int64]rememberedStart{}
	}
	s.known[pid] = rememberedStart{ticks: ticks, at: *at, asked: call}
	return at
}

// end forgets the processes that neither this call nor a later one asked for.
func (s *starts) end(call uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.known, func(_ int64, known rememberedStart) bool { return known.asked < call })
}
