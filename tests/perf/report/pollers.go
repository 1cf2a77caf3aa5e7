package main

import (
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// pollers counts from outside how often the service opens the database, with few
// and with many clients.
func (l *lab) pollers() []row {
	const few = 10
	w := l.world(perf.Of(l.plan.rows), true)
	service := l.service(w)
	var rows []row
	for _, way := range []struct {
		name  string
		pause time.Duration
	}{{"each polls once a second", time.Second}, {"each polls again at once", 0}} {
		long := max(way.pause, l.plan.window) * time.Duration(l.plan.rounds)
		alone, aloneDetail := l.reads(w, service, few, way.pause, long)
		crowded, crowdedDetail := l.reads(w, service, l.plan.pollers, way.pause, long)
		rows = append(rows, atMost(fmt.Sprintf("%s concurrent pollers, %s: database reads", perf.Words(int64(l.plan.pollers)), way.name),
			1, crowded, " a change", fmt.Sprintf("%s; with %d pollers %s a change, %s", crowdedDetail, few, digits(alone), aloneDetail)))
	}
	service.stop()
	return rows
}

// reads returns how often the database is read for each commit.
func (l *lab) reads(w *perf.World, t *target, clients int, pause, long time.Duration) (float64, string) {
	before := get(w.Pace(commits))
	opens := get(perf.WatchOpens(w.DB))
	answers, took := crowd(t, clients, pause, long)
	count := get(opens.Stop())
	changes := get(w.Pace(0)) - before
	return ratio(count, max(changes, 1)), fmt.Sprintf("%s answers/s, %d changes", digits(float64(answers)/took.Seconds()), changes)
}
