package top

import "fmt"

// identity names a process across the reuse of its pid.
type identity struct{ pid, start int64 }

// sample is what the counters of a process were.
type sample struct {
	at                int64 // CLOCK_BOOTTIME in milliseconds
	own, tree, slices *int64
}

// life is what is known of a process: its last two samples, and since when nothing
// has moved.
type life struct {
	before, now sample
	moved       int64
}

// lives are those of all processes of the last answer. They begin anew with another
// boot, start of the service, or process.
type lives struct {
	origin string
	of     map[identity]life
}

// take records an answer. Agents may have one process, which counts once.
func (l *lives) take(e envelope) {
	origin := fmt.Sprint(e.Instance.ID, value(e.Clock.BootID), value(e.ClkTck))
	if origin != l.origin {
		l.of = nil
	}
	next := map[identity]life{}
	for _, a := range e.Agents {
		id, now, there := sampled(a)
		if _, seen := next[id]; seen || !there {
			continue
		}
		was, known := l.of[id]
		switch {
		case !known || now.at < was.now.at:
			next[id] = life{before: now, now: now, moved: now.at}
		case now.at == was.now.at:
			next[id] = was
		default:
			moved := was.moved
			if !same(was.now.own, now.own) || !same(was.now.tree, now.tree) || !same(was.now.slices, now.slices) {
				moved = now.at
			}
			next[id] = life{before: was.now, now: now, moved: moved}
		}
	}
	l.origin, l.of = origin, next
}

func sampled(a agent) (identity, sample, bool) {
	if a.PID == nil || a.Process == nil || a.Process.StartTicks == nil || a.Process.SampledMS == nil {
		return identity{}, sample{}, false
	}
	slices := a.Process.TreeTimeSlices
	if slices == nil {
		slices = a.Process.TimeSlices
	}
	return identity{*a.PID, *a.Process.StartTicks}, sample{*a.Process.SampledMS, a.CPUTicks, a.Process.TreeCPUTicks, slices}, true
}

// find returns what is known of an agent's process since the answer before; false if
// there is nothing to compare.
func (l *lives) find(a agent) (life, bool) {
	id, _, there := sampled(a)
	found, known := l.of[id]
	return found, there && known && found.now.at > found.before.at
}

// share is what was used of one core between two samples; nil if that is not known.
func (l life) share(before, now, clkTck *int64) *float64 {
	rise := risen(before, now)
	if rise == nil || clkTck == nil || *clkTck <= 0 {
		return nil
	}
	return new(float64(*rise) / float64(*clkTck) / float64(l.now.at-l.before.at) * 1000)
}

// risen is by how much a counter rose. One that fell, as a tree's sum does when a child
// ends that nobody waits for, tells nothing.
func risen(before, now *int64) *int64 {
	if before == nil || now == nil || *now < *before {
		return nil
	}
	return new(*now - *before)
}

func same(a, b *int64) bool { return (a == nil) == (b == nil) && value(a) == value(b) }

func value[T any](of *T) T {
	var zero T
	if of == nil {
		return zero
	}
	return *of
}
