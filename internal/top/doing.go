package top

import (
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// doing is what an agent's process does, as the page has it: a shape, words, and its
// place among the others, where what needs a look is first.
type doing struct {
	shape, words string
	rank         int
	trouble      bool
}

func trouble(words string) doing { return doing{shape: "▲", words: words, trouble: true} }
func other(words string) doing   { return doing{shape: "○", words: words, rank: 5} }

var troubles = map[string]doing{
	"gone":    trouble("process is gone"),
	"zombie":  trouble("not waited for"),
	"hidden":  trouble("hidden process"),
	"foreign": trouble("a kernel thread"),
}

var states = map[string]string{
	"R": "running", "S": "sleeping", "D": "waits for a disk", "T": "stopped", "t": "traced", "I": "idle", "Z": "not waited for", "X": "dead",
}

// doingOf tells it from what /proc said, and from what moved between two answers.
// There is no threshold in it.
func doingOf(a agent, l life, known bool) doing {
	switch {
	case a.PID == nil:
		return other("no process yet")
	case a.Process == nil:
		return other("unknown")
	case a.Process.Status == "remote":
		return other("on another host")
	case a.Process.Status == "unsupported":
		return other("unsupported here")
	}
	if broken, is := troubles[a.Process.Status]; is {
		return broken
	}
	if a.Process.Status != "ok" {
		return other(domain.Printable(a.Process.Status))
	}
	state := value(a.Process.State)
	own, tree := risen(l.before.own, l.now.own), risen(l.before.tree, l.now.tree)
	switch {
	case state == "D" || state == "T" || state == "t" || state == "X":
		return other(states[state])
	case !known || own == nil || *own == 0 && tree == nil:
		if words, is := states[state]; is {
			return other(words)
		}
		return other("there")
	case *own > 0:
		return doing{shape: "▶", words: "working", rank: 4}
	case *tree > 0:
		return doing{shape: "◆", words: "on its children", rank: 3}
	}
	return atRest(l)
}

// atRest: who wakes up to look at what came in uses too little CPU for a tick, but
// time slices.
func atRest(l life) doing {
	slices := risen(l.before.slices, l.now.slices)
	still := time.Duration(l.now.at-l.moved) * time.Millisecond
	switch {
	case slices != nil && *slices > 0 || still == 0:
		return doing{shape: "◔", words: "wakes up", rank: 2}
	case slices != nil:
		return doing{shape: "■", words: "still for " + span(int64(still.Seconds())), rank: 1}
	default:
		return doing{shape: "■", words: "no CPU for " + span(int64(still.Seconds())), rank: 1}
	}
}
