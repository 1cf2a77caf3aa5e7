package demo

import "slices"

// How the agents take turns, in ticks.
const (
	dyingLife   = 6  // from the spawn to the end of a dying agent
	noticeAfter = 10 // from an agent's end to the worker's notice of it
	overlapFor  = 4  // that an agent and its successor run together
	handovers   = 2  // between one dying agent and the next
)

// slot is one place of the worker: a running job and its process.
type slot struct {
	job   *job
	kind  kind
	agent *agent // nil until spawned
	upAt  int    // the tick of the spawn
	endAt int    // the tick at which the process was found ended; 0 while it lives
}

// up tells whether the slot's process lives.
func (s *slot) up() bool { return s.agent != nil && !s.agent.ended() }

// roster is the slots in the order in which their jobs were claimed.
//
// There is always one agent of each steady kind: three slots hold them, and the
// fourth makes the changes. It takes in a successor of the longest running one,
// which then finishes; every so often it takes in an agent that dies instead.
type roster struct {
	slots   []*slot
	changes int // handovers since the last dying agent
}

func steadyKinds() []kind { return []kind{kindBusy, kindIdle, kindWaiting} }

// nextKind is what the next job's agent should be. A breaker that is not closed
// wants good news: no agent dies then.
func (r *roster) nextKind(mayDie bool) kind {
	for _, k := range steadyKinds() {
		if !r.has(k) {
			return k
		}
	}
	if mayDie && r.changes >= handovers {
		return kindDying
	}
	oldest := slices.IndexFunc(r.slots, func(s *slot) bool { return s.kind != kindDying && s.endAt == 0 })
	return r.slots[oldest].kind
}

func (r *roster) has(k kind) bool {
	return slices.ContainsFunc(r.slots, func(s *slot) bool { return s.kind == k && s.endAt == 0 })
}

func (r *roster) add(s *slot) {
	r.slots = append(r.slots, s)
	r.changes++
	if s.kind == kindDying {
		r.changes = 0
	}
}

func (r *roster) remove(gone *slot) {
	r.slots = slices.DeleteFunc(r.slots, func(s *slot) bool { return s == gone })
}

// relieved returns a slot whose successor has been up for a while; nil if there
// is none.
func (r *roster) relieved(tick int) *slot {
	for i, s := range r.slots {
		for _, successor := range r.slots[i+1:] {
			if successor.kind == s.kind && s.up() && successor.up() && tick-successor.upAt >= overlapFor {
				return s
			}
		}
	}
	return nil
}

// agents are the processes that were started and may live.
func (r *roster) agents() []*agent {
	var all []*agent
	for _, s := range r.slots {
		if s.agent != nil {
			all = append(all, s.agent)
		}
	}
	return all
}
