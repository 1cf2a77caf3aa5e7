package sqlstore

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"
)

// recently is how long after a row was worked on it may be so again: another report
// comes, or what ended is put back.
const recently = time.Minute

// newest is how many of the newest rows may be changed in any way at any time.
const newest = 1500

// row is a job or a run that was worked on, as a scrape can tell.
type row struct {
	id int64
	// value is what of it is summed, and open whether it waits or runs; seen and
	// wasOpen are the same at the last scrape.
	value, seen   string
	open, wasOpen bool
	// touched is when it was changed last, and worked when it was so in a way that a
	// scrape could see: one that ends as it began leaves no trace.
	touched, worked time.Time
}

// job is a row of jobs.
type job struct {
	row

	status   string
	attempts int
	run      int64 // 0 for none
	// fresh is set for an old one that was put back after the last scrape: one that
	// ends before the next is an old row changed unseen.
	fresh bool
}

// world is a database in which an orchestrator works, and its owner, for whom the
// statements are written down until they are run in a process of its own.
type world struct {
	t      testing.TB
	random *rand.Rand
	path   string
	rows   int     // at first
	writer *writer // nil while the orchestrator is stopped
	// server runs statements where the database is one of a server; else nil.
	server func(statements ...string) []string
	now    time.Time
	script []string

	firstJob, lastJob, firstRun, lastRun int64

	jobs map[int64]*job
	runs map[int64]*row
	// mistake is a run whose cost is so large that a sum of floats loses the others
	// beside it; 0 if there is none.
	mistake int64
}

// clock is that of a store.
func (w *world) clock() time.Time { return w.now }

// newWorld makes a database of so many jobs that have ended, each with its run.
func newWorld(t testing.TB, rows int, seed uint64) *world {
	t.Helper()
	w := bareWorld(t, rows, seed)
	w.path = newDB(t, walMode, fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO jobs (id, status, attempts, run_id) SELECT i, CASE WHEN i %% 9 THEN 'done' ELSE 'failed' END, i %% 3, i FROM n;
		INSERT INTO agent_runs (id, cost_usd, input_tokens, model) SELECT id, id / 8.0, id, CASE WHEN id %% 7 THEN 'm' || (id / 100 %% 5) END FROM jobs`, rows))
	return w
}

// bareWorld is one without a database.
func bareWorld(t testing.TB, rows int, seed uint64) *world {
	t.Helper()
	return &world{
		t: t, rows: rows, random: rand.New(rand.NewPCG(uint64(rows), seed)), now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC),
		firstJob: 1, lastJob: int64(rows), firstRun: 1, lastRun: int64(rows), jobs: map[int64]*job{}, runs: map[int64]*row{},
	}
}

// do writes a statement down.
func (w *world) do(statement string, args ...any) {
	w.script = append(w.script, fmt.Sprintf(statement, args...))
}

// run runs statements in the orchestrator, which is started if it is not running.
func (w *world) run(statements ...string) []string {
	w.t.Helper()
	if w.server != nil {
		return w.server(statements...)
	}
	if w.writer == nil {
		w.writer = startWriter(w.t, w.path)
		w.writer.run("PRAGMA synchronous = OFF", "PRAGMA wal_autocheckpoint = 200")
	}
	return w.writer.run(statements...)
}

// commit runs what was written down, and stops the orchestrator if it was told to.
func (w *world) commit() {
	w.t.Helper()
	w.run(w.script...)
	w.script = nil
}

// stop ends the orchestrator in an orderly way.
func (w *world) stop() {
	w.commit()
	if w.writer != nil {
		w.writer.stop()
		w.writer = nil
	}
}

// scraped notes what a scrape has seen, which is all that was committed.
func (w *world) scraped() {
	for _, j := range w.jobs {
		j.noted()
		j.fresh = false
	}
	for _, r := range w.runs {
		r.noted()
	}
}

func (r *row) noted() {
	if r.open || r.wasOpen || r.value != r.seen {
		r.worked = r.touched
	}
	r.wasOpen, r.seen = r.open, r.value
}

// job returns a job of one of the states; nil if there is none. Of those that have
// ended only the ones that did recently are told.
func (w *world) job(states ...string) *job {
	var found []int64
	for id, j := range w.jobs {
		if slices.Contains(states, j.status) && (j.open || w.recent(j.row)) {
			found = append(found, id)
		}
	}
	if len(found) == 0 {
		return nil
	}
	slices.Sort(found)
	return w.jobs[found[w.random.IntN(len(found))]]
}

// recent tells whether a row was worked on, as a scrape can tell, recently.
func (w *world) recent(r row) bool {
	return r.wasOpen || w.now.Sub(r.worked) < recently || r.id > w.lastJob-newest
}

// recentRun is the same for a run.
func (w *world) recentRun(id int64) bool {
	r := w.runs[id]
	return r != nil && (r.wasOpen || w.now.Sub(r.worked) < recently || id > w.lastRun-newest)
}

// set changes a job.
func (w *world) set(j *job, status string, attempts int) {
	w.do("UPDATE jobs SET status = '%s', attempts = %d, run_id = nullif(%d, 0) WHERE id = %d", status, attempts, j.run, j.id)
	j.status, j.attempts, j.open = status, attempts, status == queued || status == running
	j.value, j.touched = fmt.Sprint(status, max(1, attempts)), w.now // the first attempt counts nowhere
	if r := w.runs[j.run]; r != nil {
		r.open, r.touched = j.open, w.now
	}
}

// report changes what a run has cost.
func (w *world) report(id int64) {
	if id == 0 {
		return
	}
	r := w.runs[id]
	if r == nil {
		r = &row{id: id}
		w.runs[id] = r
	}
	r.value, r.touched = strconv.FormatInt(w.random.Int64(), 10), w.now
	cost := w.random.IntN(1e6)
	if w.mistake == 0 && w.random.IntN(20) == 0 {
		cost, w.mistake = 1e18, id
	}
	w.do("UPDATE agent_runs SET cost_usd = %d / 8.0, input_tokens = %d, model = 'm' || %d WHERE id = %d", cost, w.random.IntN(1e6), w.random.IntN(6), id)
}

// newRun adds a run without figures.
func (w *world) newRun() int64 {
	w.lastRun++
	w.do("INSERT INTO agent_runs (id) VALUES (%d)", w.lastRun)
	w.runs[w.lastRun] = &row{id: w.lastRun, touched: w.now}
	return w.lastRun
}

// old returns an id of a job that ended long ago.
func (w *world) old() int64 {
	for range 100 {
		id := w.firstJob + w.random.Int64N(w.lastJob-w.firstJob+1)
		if w.jobs[id] == nil && id <= w.lastJob-2*newest {
			return id
		}
	}
	return 0
}

// forget drops the jobs and runs that were deleted.
func (w *world) forget() {
	maps.DeleteFunc(w.jobs, func(id int64, _ *job) bool { return id < w.firstJob || id > w.lastJob })
	maps.DeleteFunc(w.runs, func(id int64, _ *row) bool { return id < w.firstRun || id > w.lastRun })
}
