package sqlstore

import "fmt"

// The operations of an orchestrator, each at random, in no order.

// work is one operation on rows that are new, that wait or run, or that did so a
// moment ago.
func (w *world) work() {
	operations := []func(){
		w.queueJob, w.queueJob, w.startJob, w.startJob, w.endJob, w.endJob, w.putBack, w.endAgain, w.putBackOld,
		w.tryInVain, w.lateReport, w.resetAttempts, w.correctNewest, w.deleteNewest,
	}
	operations[w.random.IntN(len(operations))]()
	if w.recentRun(w.mistake) && w.random.IntN(5) == 0 {
		w.report(w.mistake)
		w.mistake = 0
	}
}

func (w *world) queueJob() {
	w.lastJob++
	w.do("INSERT INTO jobs (id, status) VALUES (%d, 'queued')", w.lastJob)
	w.jobs[w.lastJob] = &job{row: row{id: w.lastJob, open: true, touched: w.now}, status: queued}
}

// startJob starts a job, mostly with a run of its own.
func (w *world) startJob() {
	j := w.job(queued)
	if j == nil {
		return
	}
	switch {
	case j.run == 0, w.random.IntN(3) > 0:
		if r := w.runs[j.run]; r != nil {
			r.open = false
		}
		j.run = w.newRun()
	case w.recentRun(j.run):
		w.report(j.run) // it begins anew
	}
	w.set(j, running, j.attempts+1)
}

// endJob ends a job that runs, with or without its costs.
func (w *world) endJob() {
	j := w.job(running)
	if j == nil || j.fresh {
		return
	}
	if w.random.IntN(4) > 0 {
		w.report(j.run)
	}
	w.set(j, []string{"done", "failed", "cancelled"}[w.random.IntN(3)], j.attempts)
}

// putBack puts back a job that runs, or that ended a moment ago.
func (w *world) putBack() {
	if j := w.job(running, "done", "failed", "cancelled"); j != nil {
		w.set(j, queued, []int{0, j.attempts, j.attempts + 1}[w.random.IntN(3)])
	}
}

// endAgain lets a job that ended a moment ago run and end once more, unseen.
func (w *world) endAgain() {
	j := w.job("done", "failed", "cancelled")
	if j == nil {
		return
	}
	w.set(j, queued, j.attempts)
	w.set(j, running, j.attempts+1)
	if w.recentRun(j.run) {
		w.report(j.run)
	}
	w.set(j, []string{"done", "failed"}[w.random.IntN(2)], j.attempts)
}

// tryInVain lets a job that waits run, unseen, and puts it back as it was; only its run
// tells.
func (w *world) tryInVain() {
	j := w.job(queued)
	if j == nil || !w.recentRun(j.run) {
		return
	}
	w.set(j, running, j.attempts)
	w.report(j.run)
	w.set(j, queued, j.attempts)
}

// putBackOld puts back a job that ended long ago.
func (w *world) putBackOld() {
	id := w.old()
	if id == 0 {
		return
	}
	j := &job{row: row{id: id}, status: "done", attempts: int(id % 3), fresh: true}
	w.jobs[id] = j
	if id >= w.firstRun && id <= int64(w.rows) {
		j.run, w.runs[id] = id, &row{id: id}
	}
	w.set(j, queued, j.attempts+w.random.IntN(2))
}

// lateReport changes the figures of a run that goes on, or ended a moment ago.
func (w *world) lateReport() {
	if j := w.job(running, "done", "failed", "cancelled"); j != nil && w.recentRun(j.run) {
		w.report(j.run)
	}
}

func (w *world) resetAttempts() {
	if j := w.job(queued, running, "done", "failed"); j != nil {
		w.set(j, j.status, w.random.IntN(4))
	}
}

// correctNewest changes one of the newest rows, whatever it is.
func (w *world) correctNewest() {
	id := w.lastJob - w.random.Int64N(newest)
	if w.jobs[id] == nil && id >= w.firstJob {
		w.do("UPDATE jobs SET status = 'failed', attempts = %d WHERE id = %d", w.random.IntN(9), id)
	}
	id = w.lastRun - w.random.Int64N(newest)
	if w.runs[id] == nil && id >= w.firstRun {
		w.do("UPDATE agent_runs SET cost_usd = %d / 8.0 WHERE id = %d", w.random.IntN(1000), id)
	}
}

func (w *world) deleteNewest() {
	if w.lastJob-w.firstJob < 10 || w.lastRun-w.firstRun < 10 {
		return
	}
	w.do("DELETE FROM jobs WHERE id = %d", w.lastJob)
	w.lastJob--
	if w.random.IntN(2) == 0 {
		w.do("DELETE FROM agent_runs WHERE id = %d", w.lastRun)
		w.lastRun--
	}
	w.forget()
}

// burst adds many jobs and runs at once, some of which wait.
func (w *world) burst(rows int64) {
	w.do(`INSERT INTO jobs (id, status, attempts) WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		SELECT i, 'done', 1 FROM n`, w.lastJob+1, w.lastJob+rows)
	w.do(`INSERT INTO agent_runs (id, cost_usd) WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		SELECT i, i / 8.0 FROM n`, w.lastRun+1, w.lastRun+rows)
	w.lastJob += rows
	w.lastRun += rows
	for range 5 {
		w.queueJob()
	}
}

// prune deletes history from below.
func (w *world) prune(rows int64) {
	w.firstJob = min(w.firstJob+w.random.Int64N(rows), w.lastJob-10)
	w.firstRun = min(w.firstRun+w.random.Int64N(rows), w.lastRun-10)
	w.do("DELETE FROM jobs WHERE id < %d", w.firstJob)
	w.do("DELETE FROM agent_runs WHERE id < %d", w.firstRun)
	w.forget()
}

// edit changes rows that ended long ago by hand, as nobody is to, and tells whether
// these were nearly all.
func (w *world) edit() (all bool) {
	switch id := w.old(); w.random.IntN(5) {
	case 0:
		w.do("UPDATE jobs SET status = 'cancelled' WHERE id = %d", id)
	case 1:
		w.do("UPDATE jobs SET attempts = attempts + 1 + %d WHERE id = %d", w.random.IntN(5), id)
	case 2:
		w.do("UPDATE agent_runs SET cost_usd = coalesce(cost_usd, 0) + 1 WHERE id = %d", id)
	case 3:
		w.do("DELETE FROM agent_runs WHERE id = %d", id)
	case 4:
		w.do("UPDATE agent_runs SET cost_usd = coalesce(cost_usd, 0) + 1 WHERE id < %d", w.lastRun-newest)
		return true
	}
	return false
}

// maintain is what an owner does to the file, now and then. It tells whether it looks
// like another database, until all was read again.
func (w *world) maintain() (other bool) {
	switch name := fmt.Sprint("other", w.random.IntN(1e6)); w.random.IntN(5) {
	case 0:
		w.do("CREATE TABLE %[1]s (x)", name)
		w.do("DROP TABLE %[1]s", name)
	case 1:
		w.do("CREATE TABLE %s AS SELECT * FROM jobs LIMIT 10", name)
	case 2:
		w.do("PRAGMA wal_checkpoint(TRUNCATE)")
	case 3:
		w.do("VACUUM")
		return true
	case 4:
		w.stop()
		return true
	}
	return false
}
