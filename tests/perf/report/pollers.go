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

// reads returns how often the database is read for each change, once all clients
// poll and the service has noticed. A checkpoint is a change, too: the file is no
// longer the same. No commit is near either end of the count.
func (l *lab) reads(w *perf.World, t *target, clients int, pause time.Duration) (float64, string) {
	const settled = 200 * time.Millisecond
	var opened, changes int64
	var rate, refused float64
	c := crowd{clients: clients, pause: pause}
	get(w.Pace(commits))
	c.poll(t, func() {
		time.Sleep(l.plan.Pause)
		before := get(w.Pace(0))
		time.Sleep(settled)
		opens := get(perf.WatchOpens(w.DB))
		get(w.Pace(commits))
		rate, refused = c.count(l.plan.Window * time.Duration(l.plan.Rounds))
		changes = get(w.Pace(0)) - before
		time.Sleep(settled)
		opened = get(opens.Stop())
		changes += opens.Checkpoints
	})
	detail := fmt.Sprintf("%s answers/s, %d changes", digits(rate), changes)
	if refused > 0 {
		detail += fmt.Sprintf(", %.0f %% refused", 100*refused)
	}
	return ratio(opened, max(changes, 1)), detail
}
