package perf

import (
	"database/sql"
	"fmt"
)

// orchestrator changes a database as a real one does: what is active is always
// the same number of rows, and never the same rows.
type orchestrator struct {
	db      *sql.DB
	stmts   map[string]*sql.Stmt
	running []work
	queued  []int64
	tasks   []int64
	steps   int64
}

// work is a running job.
type work struct{ job, run, pid int64 }

func newOrchestrator(path string) (*orchestrator, error) {
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=NORMAL&_busy_timeout=5000")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	o := &orchestrator{db: db, stmts: map[string]*sql.Stmt{}}
	if err := o.prepare(); err != nil {
		_ = db.Close()
		return nil, err
	}
	return o, nil
}

// prepare reads what is active, and holds the database open from then on.
func (o *orchestrator) prepare() error {
	for _, query := range []string{"BEGIN IMMEDIATE", "COMMIT", insertTask, moveTask, insertJob, insertRun, startJob, endJob, endRun} {
		stmt, err := o.db.Prepare(query) //nolint:sqlclosecheck // closed with the database
		if err != nil {
			return err
		}
		o.stmts[query] = stmt
	}
	rows, err := o.db.Query("SELECT id, run_id, pid FROM jobs WHERE status = 'running' ORDER BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var w work
		if err := rows.Scan(&w.job, &w.run, &w.pid); err != nil {
			return err
		}
		o.running = append(o.running, w)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if o.queued, err = o.ids("SELECT id FROM jobs WHERE status = 'queued' ORDER BY id"); err != nil {
		return err
	}
	o.tasks, err = o.ids("SELECT id FROM tasks WHERE stage NOT IN ('done','cancelled') ORDER BY id")
	return err
}

func (o *orchestrator) ids(query string) (ids []int64, err error) {
	rows, err := o.db.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// step is one commit: a job ends and its run is reported, the next one starts, a
// job is queued, a task moves on, another is done and a new one comes.
func (o *orchestrator) step() (err error) {
	exec := func(query string, args ...any) (id int64) {
		if err != nil {
			return 0
		}
		var result sql.Result
		if result, err = o.stmts[query].Exec(args...); err != nil {
			err = fmt.Errorf("%s: %w", query, err)
			return 0
		}
		id, err = result.LastInsertId()
		return id
	}
	exec("BEGIN IMMEDIATE")
	n := o.steps
	ended, next := o.running[0], o.queued[0]
	status := "done"
	if n%10 == 9 {
		status = "failed"
	}
	exec(endJob, status, ended.job)
	exec(endRun, float64(n%4000)/1024, n%40000, n%30000, n%2_000_000, n%200_000, ended.run)
	run := exec(insertRun, nil, 1)
	exec(startJob, run, ended.pid, next)
	queued := exec(insertJob, nil, 1)
	moving := o.tasks[len(o.tasks)/2]
	exec(moveTask, stages[n%int64(len(stages))], moving)
	exec(moveTask, "done", o.tasks[0])
	task := exec(insertTask, nil, "ORCH-0", "repo-1", stages[0])
	exec("COMMIT")
	if err != nil {
		return err
	}
	o.running = append(o.running[1:], work{job: next, run: run, pid: ended.pid})
	o.queued = append(o.queued[1:], queued)
	o.tasks = append(o.tasks[1:], task)
	o.steps++
	return nil
}

func (o *orchestrator) close() error { return o.db.Close() }
