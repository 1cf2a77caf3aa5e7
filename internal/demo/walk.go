package demo

import (
	"database/sql"
	"math/rand/v2"
	"time"
)

type taskRow struct {
	id               int64
	workItem         sql.Null[string]
	repo, stage      string
	created, updated time.Time
}

type jobRow struct {
	id                         int64
	task                       *taskRow
	run                        *runRow // the last one; nil if it was never started
	role, status, err          string
	attempts, maxAttempts      int64
	created, started, finished time.Time
}

type runRow struct {
	id                int64
	task              *taskRow
	role              string
	with              assignment
	started, finished time.Time
	exitCode          int64
	used              *usage // nil: its report never came
}

// walk is one task's past, told forward from its creation. The clock is only
// put right at the end (endAt): how long a task took is known when it is over.
type walk struct {
	rng  *rand.Rand
	at   time.Time
	task *taskRow
	jobs []*jobRow
	runs []*runRow
}

func newWalk(rng *rand.Rand) *walk {
	start := time.Unix(0, 0).UTC()
	return &walk{rng: rng, at: start, task: &taskRow{repo: pickRepo(rng), created: start}}
}

// toTheEnd takes the task to its last stage, which not every task reaches.
func (w *walk) toTheEnd() *walk {
	for stage := stageAnalysis; !terminal(stage); stage = nextStage(w.rng, stage) {
		job := w.enter(stage)
		if chance(w.rng, 3) {
			w.wait(5, 60)
			job.status, job.finished = statusCancelled, w.at
			return w.closeAs(stageCancelled)
		}
		if !w.work(job, job.maxAttempts) {
			return w.closeAs(stageCancelled)
		}
	}
	return w.closeAs(stageDone)
}

// into takes the task straight into a stage and leaves its job in the queue.
func (w *walk) into(target string) *walk {
	for stage := stageAnalysis; stage != target && !terminal(stage); stage = stageAfter(stage) {
		job := w.enter(stage)
		w.work(job, job.maxAttempts-1)
	}
	w.enter(target)
	return w
}

// enter puts the task into a stage and its job into the queue.
func (w *walk) enter(stage string) *jobRow {
	w.task.stage, w.task.updated = stage, w.at
	job := &jobRow{
		task: w.task, role: roleFor(stage), status: statusQueued,
		maxAttempts: pickMaxAttempts(w.rng), created: w.at,
	}
	w.jobs = append(w.jobs, job)
	return job
}

// work runs a job until it is done or has failed as often as it may; it reports
// whether it was done.
func (w *walk) work(job *jobRow, maxFailures int64) bool {
	for failures := int64(0); ; {
		w.wait(1, 10)
		failed := failures < maxFailures && chance(w.rng, failureChance(failures))
		w.attempt(job, failed)
		if !failed {
			job.status, job.finished = statusDone, w.at
			return true
		}
		if failures++; failures == job.maxAttempts {
			job.status, job.finished, job.err = statusFailed, w.at, pickError(w.rng)
			return false
		}
	}
}

// failureChance in percent: what failed once is likely to fail again.
func failureChance(failures int64) int {
	if failures == 0 {
		return 12
	}
	return 45
}

func (w *walk) attempt(job *jobRow, failed bool) {
	run := &runRow{task: w.task, role: job.role, with: assign(w.rng, job.role), started: w.at}
	w.wait(3, 25)
	run.finished = w.at
	if failed {
		run.exitCode = 1
	}
	if !failed || chance(w.rng, 50) {
		used := spend(w.rng, run.with.model)
		run.used = &used
	}
	job.run, job.started, job.attempts = run, run.started, job.attempts+1
	w.runs = append(w.runs, run)
}

func (w *walk) closeAs(stage string) *walk {
	w.task.stage, w.task.updated = stage, w.at
	return w
}

// wait lets so many minutes pass, and some seconds.
func (w *walk) wait(low, high int) {
	w.at = w.at.Add(time.Duration(between(w.rng, low*60, high*60)) * time.Second)
}

// endAt moves the whole walk so that its last event is at the given instant.
func (w *walk) endAt(end time.Time) *walk {
	by := end.Sub(w.at)
	shift := func(times ...*time.Time) {
		for _, t := range times {
			if !t.IsZero() {
				*t = t.Add(by)
			}
		}
	}
	shift(&w.at, &w.task.created, &w.task.updated)
	for _, job := range w.jobs {
		shift(&job.created, &job.started, &job.finished)
	}
	for _, run := range w.runs {
		shift(&run.started, &run.finished)
	}
	return w
}
