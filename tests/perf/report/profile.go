package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// profile compares how long an answer over a profile takes with much history and with
// little, and watches the processor time at one poll a second.
func (l *lab) profile() []row {
	var boards []*perf.Board
	var services []*target
	for _, ended := range []int64{l.plan.Small, l.plan.Rows} {
		board := get(perf.NewBoard(l.dir, ended))
		l.atEnd(board.Close)
		boards = append(boards, board)
		t := l.target(perf.StartService(l.program, board.DB, "ORCH_PROFILE=hermes"))
		t.complete()
		services = append(services, t)
	}
	taken := make(samples, len(services))
	for range l.plan.Rounds {
		ticks := time.NewTicker(often)
		for began, first := time.Now(), 0; time.Since(began) < l.plan.Window; <-ticks.C {
			for _, board := range boards {
				must(board.Step())
			}
			taken.once(services, first)
			first++
		}
		ticks.Stop()
	}
	services[0].stop()
	large := services[1]
	used, took, oldest := l.calm(large, boards[1])
	exact := l.target(perf.StartService(l.program, boards[1].DB, "ORCH_PROFILE=hermes", "ORCH_EXACT=true", "ORCH_SECTION_TIMEOUT=1m"))
	whole := make(samples, 1)
	for range l.plan.Rounds {
		whole.once([]*target{exact}, 0)
	}
	exact.stop()
	rows := perf.Words(l.plan.Rows)
	return []row{
		atMost(fmt.Sprintf("latency over a profile, %s ended tasks, changing, against %s", rows, perf.Words(l.plan.Small)), 1.5,
			ratio(median(taken[1]), median(taken[0])), "×", fmt.Sprintf("%s against %s; a scrape that reads all history takes %s",
				spread(taken[1]), spread(taken[0]), ms(median(whole[0])))),
		atMost(fmt.Sprintf("CPU over a profile at one poll a second, %s ended tasks, changing", rows), 2,
			100*used.Seconds()/took.Seconds(), " % of a core", fmt.Sprintf("%s in %.0f s; what has ended was %s old at most, as `as_of` said",
				ms(used), took.Seconds(), oldest.Round(time.Second))),
	}
}

// calm polls once a second. oldest is the oldest that a section said it is.
func (l *lab) calm(t *target, board *perf.Board) (used, took, oldest time.Duration) {
	before, began := get(perf.CPU(t.PID)), time.Now()
	ticks := time.NewTicker(l.plan.Pause)
	defer ticks.Stop()
	for ; time.Since(began) < l.plan.CPU; <-ticks.C {
		must(board.Step())
		var answer domain.Envelope
		must(json.Unmarshal(get(t.client.Get("/metrics")), &answer))
		for _, report := range answer.Sections {
			if report.AsOf != nil {
				oldest = max(oldest, answer.GeneratedAt.Sub(*report.AsOf))
			}
		}
	}
	used, took = get(perf.CPU(t.PID))-before, time.Since(began)
	t.stop()
	return used, took, oldest
}
