package perf

import (
	"database/sql"
	"errors"
	"fmt"
)

// stages are those that a task goes through.
var stages = [...]string{"analysis", "architecture", "development", "review", "testing"}

// activate adds to a history what is going on now: the active tasks, a running
// job for each pid, and the queue.
func activate(db *sql.DB, size Size, pids []int, stageIndex bool) (err error) {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
			return
		}
		err = tx.Commit()
	}()
	exec := func(query string, args ...any) {
		if err == nil {
			_, err = tx.Exec(query, args...)
		}
	}
	for i := range size.ActiveTasks {
		id := size.oldTasks() + i + 1
		exec(insertTask, id, fmt.Sprintf("ORCH-%d", id), fmt.Sprintf("repo-%d", id%12), stages[int(i)%len(stages)])
	}
	for i, pid := range pids {
		job, run := size.oldJobs()+int64(i)+1, size.oldRuns()+int64(i)+1
		exec(insertRun, run, size.oldTasks()+1)
		exec(insertJob, job, size.oldTasks()+1)
		exec(startJob, run, pid, job)
	}
	for i := range int64(queuedJobs) {
		exec(insertJob, size.oldJobs()+int64(len(pids))+i+1, size.oldTasks()+1)
	}
	if stageIndex {
		exec("CREATE INDEX idx_tasks_stage ON tasks(stage)")
	}
	return err
}

// What an orchestrator does. An id of NULL is the next one.
const (
	insertTask = `INSERT INTO tasks (id, work_item_id, repo, stage) VALUES (?, ?, ?, ?)`
	moveTask   = `UPDATE tasks SET stage = ?, updated_at = datetime('now') WHERE id = ?`
	insertJob  = `INSERT INTO jobs (id, task_id, repo, agent, status) VALUES (?, ?, 'repo-1', 'developer', 'queued')`
	insertRun  = `INSERT INTO agent_runs (id, task_id, agent, model, effort, started_at)
		VALUES (?, ?, 'developer', 'claude-opus-4-8', 'high', datetime('now'))`
	startJob = `UPDATE jobs SET status = 'running', attempts = attempts + 1, run_id = ?, pid = ?, started_at = datetime('now') WHERE id = ?`
	endJob   = `UPDATE jobs SET status = ?, finished_at = datetime('now') WHERE id = ?`
	endRun   = `UPDATE agent_runs SET finished_at = datetime('now'), exit_code = 0, cost_usd = ?, input_tokens = ?, output_tokens = ?,
		cache_read_tokens = ?, cache_creation_tokens = ? WHERE id = ?`
)
