package main

import (
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// pollers counts from outside how often the service opens the database, with few
// and with many clients. The recount reads whether anybody polls much or little,
// so it is left out, and counted once on its own.
func (l *lab) pollers() []row {
	const few = 10
	w := l.world(perf.Of(l.plan.Rows), true)
	service := l.service(w, "ORCH_RECOUNT_BUDGET=0")
	var rows []row
	for _, way := range []struct {
		name  string
		pause time.Duration
	}{{"each polls once a second", l.plan.Pause}, {"each polls again at once", 0}} {
		crowded, detail := l.reads(w, service, l.plan.Pollers, way.pause)
		alone, aloneDetail := l.reads(w, service, few, way.pause)
		rows = append(rows, atMost(fmt.Sprintf("%s concurrent pollers, %s: database reads", perf.Words(int64(l.plan.Pollers)), way.name),
			1, crowded, " a change", fmt.Sprintf("%s; with %d pollers %s a change, %s", detail, few, digits(alone), aloneDetail)))
	}
	service.stop()
	service = l.service(w)
	recounting, _ := l.reads(w, service, l.plan.Pollers, l.plan.Pause)
	service.stop()
	rows[0].detail += fmt.Sprintf("; with the recount %s a change", digits(recounting))
	return rows
}

// reads returns how often the database is read for each commit.
func (l *lab) reads(w *perf.World, t *target, clients int, pause time.Duration) (float64, string) {
	c := crowd{clients: clients, pause: pause, long: l.plan.Window * time.Duration(l.plan.Rounds)}
	before := get(w.Pace(commits))
	opens := get(perf.WatchOpens(w.DB))
	c.poll(t)
	count := get(opens.Stop())
	changes := get(w.Pace(0)) - before
	detail := fmt.Sprintf("%s answers/s, %d changes", digits(c.rate()), changes)
	if refused := c.refused.Load(); refused > 0 {
		detail += fmt.Sprintf(", %.0f %% refused", 100*ratio(refused, refused+c.answers.Load()))
	}
	return ratio(count, max(changes, 1)), detail
}
