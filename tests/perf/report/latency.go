package main

import (
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

const (
	// commits a second make a database a changing one.
	commits = 10
	// often is a pace of polls at which each meets a new commit, at varying
	// distances from it.
	often = time.Second / 9
)

// latency compares how long an answer takes with many rows and with few.
func (l *lab) latency() []row {
	sizes := []int64{l.plan.Small, l.plan.Rows}
	if l.plan.Large > 0 {
		sizes = append(sizes, l.plan.Large)
	}
	var worlds []*perf.World // all of them first: it takes minutes to make a large one
	for _, rows := range sizes {
		worlds = append(worlds, l.changing(rows, true))
	}
	var services []*target
	for _, w := range worlds {
		services = append(services, l.service(w))
	}
	taken := make(samples, len(services))
	for range l.plan.Rounds {
		taken.take(services, often, l.plan.Window)
	}
	var rows []row
	for i, size := range sizes {
		if i > 0 {
			rows = append(rows, atMost(fmt.Sprintf("latency, %s rows, changing, against %s", perf.Words(size), perf.Words(sizes[0])), 1.5,
				ratio(median(taken[i]), median(taken[0])), "×", fmt.Sprintf("%s against %s", spread(taken[i]), spread(taken[0]))))
		}
		services[i].stop()
	}
	return rows
}

// naively compares an answer with one of the naive version, both polled alike.
func (l *lab) naively() []row {
	indexed, bare := l.changing(l.plan.Rows, true), l.changing(l.plan.Rows, false)
	targets := []*target{l.service(indexed), l.naive(indexed), l.service(bare), l.naive(bare)}
	taken := make(samples, len(targets))
	for range l.plan.Rounds {
		taken.take(targets, often, l.plan.Window)
	}
	for _, t := range targets {
		t.stop()
	}
	rows := []row{
		atLeast(fmt.Sprintf("the naive version, %s rows, changing, against the service", perf.Words(l.plan.Rows)), 80,
			ratio(median(taken[1]), median(taken[0])), "×", fmt.Sprintf("%s against %s", spread(taken[1]), spread(taken[0]))),
		atLeast("the same without an index on `tasks(stage)`", 8,
			ratio(median(taken[3]), median(taken[2])), "×", fmt.Sprintf("%s against %s", spread(taken[3]), spread(taken[2]))),
	}
	return append(rows, l.smallest()...)
}

// smallest does so with few rows, where the naive version has little to do.
func (l *lab) smallest() []row {
	w := l.changing(l.plan.Small, true)
	targets := []*target{l.service(w), l.naive(w)}
	taken, used := make(samples, 2), [2]time.Duration{}
	polls := 0
	before := [2]time.Duration{get(perf.CPU(targets[0].PID)), get(perf.CPU(targets[1].PID))}
	ticks := time.NewTicker(often)
	defer ticks.Stop()
	for began := time.Now(); time.Since(began) < 2*time.Duration(l.plan.Rounds)*l.plan.Window; <-ticks.C {
		taken.once(targets, polls)
		polls++
	}
	for i, t := range targets {
		used[i] = get(perf.CPU(t.PID)) - before[i]
		t.stop()
	}
	few := perf.Words(l.plan.Small)
	return []row{
		atMost(fmt.Sprintf("latency, %s rows, changing, against the naive version", few), 1.2, ratio(median(taken[0]), median(taken[1])), "×",
			fmt.Sprintf("%s against %s", spread(taken[0]), spread(taken[1]))),
		atMost(fmt.Sprintf("CPU, %s rows, changing, against the naive version", few), 1.4, ratio(used[0], max(used[1], time.Millisecond)), "×",
			fmt.Sprintf("%s against %s for %d polls each", ms(used[0]), ms(used[1]), polls)),
	}
}

// seldom compares a poll after a long pause, which has saved up for reading old rows
// again, with one of many.
func (l *lab) seldom() []row {
	service := l.service(l.changing(l.plan.Rows, true))
	fast, slow := make(samples, 1), make(samples, 1)
	for range l.plan.Rounds {
		fast.take([]*target{service}, often, l.plan.Window)
		time.Sleep(15 * l.plan.Pause)
		slow.once([]*target{service}, 0)
	}
	service.stop()
	above := median(slow[0]) - median(fast[0])
	return []row{atMost(fmt.Sprintf("latency at one poll in 15 s, %s rows, above a fast poll", perf.Words(l.plan.Rows)), 60,
		above.Seconds()*1000, " ms", fmt.Sprintf("%s against %s", ms(median(slow[0])), ms(median(fast[0]))))}
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
