package main

import (
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

const (
	// commits a second make a database a changing one.
	commits = 10
	// slowly is a pace of polls at which each meets a new commit, at varying
	// distances from it.
	slowly = time.Second / 9
	// quickly is one at which some meet a new commit and most do not.
	quickly = time.Second / 50
)

// latency compares how long an answer takes with many rows and with few.
func (l *lab) latency() []row {
	small := l.changing(l.plan.Small, true)
	indexed, bare := l.changing(l.plan.Rows, true), l.changing(l.plan.Rows, false)
	services := []*target{l.service(small), l.service(indexed), l.service(bare)}
	naives := []*target{l.naive(indexed), l.naive(bare)}
	slow, fast, bareSlow, naive := make(samples, 2), make(samples, 2), make(samples, 1), make(samples, 2)
	for range l.plan.Rounds {
		slow.take(services[:2], slowly, l.plan.Window)
		fast.take(services[:2], quickly, l.plan.Window)
		bareSlow.take(services[2:], slowly, l.plan.Window) // apart, since it takes the caches from the others
		for first := range 3 {
			naive.once(naives, first)
		}
	}
	for _, t := range append(services[1:], naives...) {
		t.stop()
	}
	many, few := perf.Words(l.plan.Rows), perf.Words(l.plan.Small)
	rows := []row{
		atMost(fmt.Sprintf("latency, %s rows, changing, against %s", many, few), 1.5, ratio(median(slow[1]), median(slow[0])), "×",
			fmt.Sprintf("%s against %s; each poll meets a new commit", spread(slow[1]), spread(slow[0]))),
		atMost("the same, polled 50 times a second", 1.5, ratio(median(fast[1]), median(fast[0])), "×",
			fmt.Sprintf("%s against %s", spread(fast[1]), spread(fast[0]))),
		atLeast("the naive version, against the service", 100, ratio(median(naive[0]), median(slow[1])), "×",
			fmt.Sprintf("%s against %s; %s× at 50 polls a second", spread(naive[0]), spread(slow[1]), digits(ratio(median(naive[0]), median(fast[1]))))),
		atLeast("the same without an index on `tasks(stage)`", 8, ratio(median(naive[1]), median(bareSlow[0])), "×",
			fmt.Sprintf("%s against %s", spread(naive[1]), spread(bareSlow[0]))),
	}
	rows = append(rows, l.larger(services[0])...)
	services[0].stop()
	return rows
}

// larger does the same for the large size, if there is one.
func (l *lab) larger(small *target) []row {
	if l.plan.Large == 0 {
		return nil
	}
	services := []*target{small, l.service(l.changing(l.plan.Large, true))}
	slow := make(samples, 2)
	for range l.plan.Rounds {
		slow.take(services, slowly, l.plan.Window)
	}
	services[1].stop()
	return []row{atMost(fmt.Sprintf("latency, %s rows, changing, against %s", perf.Words(l.plan.Large), perf.Words(l.plan.Small)),
		1.5, ratio(median(slow[1]), median(slow[0])), "×", fmt.Sprintf("%s against %s", spread(slow[1]), spread(slow[0])))}
}

// changing is a world whose orchestrator is at work for the rest of the measure.
func (l *lab) changing(rows int64, stageIndex bool) *perf.World {
	w := l.world(perf.Of(rows), stageIndex)
	get(w.Pace(commits))
	return w
}

// samples are latencies of several targets.
type samples [][]time.Duration

// take polls all targets at a pace, one after the other, so that whatever slows
// the machine down meets them all.
func (s samples) take(targets []*target, pace, long time.Duration) {
	ticks := time.NewTicker(pace)
	defer ticks.Stop()
	for began, first := time.Now(), 0; time.Since(began) < long; <-ticks.C {
		s.once(targets, first)
		first++
	}
}

// once polls each target. Each is the first in its turn, since that one meets a
// machine that has just rested.
func (s samples) once(targets []*target, first int) {
	for i := range targets {
		i = (i + first) % len(targets)
		s[i] = append(s[i], targets[i].poll())
	}
}
