package main

import (
	"fmt"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// journal counts how many commits are refused to a writer that does not wait, beside
// polls of a database with a rollback journal. There a reader keeps it from
// committing for as long as it reads.
func (l *lab) journal() []row {
	size := perf.Of(l.plan.Rows / 2)
	w := get(perf.NewJournalWorld(l.histories, l.dir, size, l.agents))
	l.atEnd(w.Close)
	service := l.service(w.World)
	done := make(chan struct{})
	polled := make(chan error, 1)
	go func() { polled <- pollUntil(service, l.plan.Pause, done) }()
	commits, refused := get2(w.Try(l.plan.CPU))
	close(done)
	must(<-polled)
	service.stop()
	return []row{atMost(fmt.Sprintf("rollback journal, a writer that does not wait, one poll a second, %s rows: refused commits", perf.Words(size.Rows)),
		10, 1000*ratio(refused, max(commits, 1)), " in 1,000", fmt.Sprintf("%d of %d", refused, commits))}
}

// backlog is how long the first answer takes where very many jobs wait and run, and no
// other jobs are there.
func (l *lab) backlog() []row {
	size := perf.Of(l.plan.Backlog())
	w := get(perf.NewWorld(l.histories, l.dir, size, true, l.agents))
	l.atEnd(w.Close)
	queued, running := size.Rows*6/10, size.Rows*4/10
	must(perf.Queue(w.DB, queued, running))
	service := l.target(perf.StartService(l.program, w.DB))
	took := service.poll()
	service.stop()
	return []row{atMost(fmt.Sprintf("%s queued and %s running jobs: the first answer within", perf.Words(queued), perf.Words(running)), 1000,
		took.Seconds()*1000, " ms", fmt.Sprintf("over %s jobs, all of them active, and %s runs; the list of agents is cut at 10,000",
			perf.Words(size.Rows), perf.Words(size.Rows)))}
}

func get2[A, B any](a A, b B, err error) (A, B) {
	must(err)
	return a, b
}
