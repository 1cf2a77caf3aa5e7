package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/ports"
)

// RunningJobs implements ports.AgentSource. Without a table of runs the jobs
// are still listed, with nil for the runs' columns.
func (s *Store) RunningJobs(ctx context.Context) (ports.Reading[[]domain.RunningJob], error) {
	return read(ctx, s, func(q *queries) (ports.Reading[[]domain.RunningJob], error) { return q.runningJobs(s.maxRows) })
}

func (q *queries) runningJobs(maxRows int) (none ports.Reading[[]domain.RunningJob], err error) {
	jobs, err := q.columns("jobs", "j", "id", "status")
	if err != nil {
		return none, err
	}
	runs, runsErr := q.columns("agent_runs", "r", "id")
	if err := unlessDrift(runsErr); err != nil {
		return none, err
	}
	from, status, err := q.by(jobs, "status")
	if err != nil {
		return none, err
	}
	join := "LEFT JOIN agent_runs r ON r.id = " + jobs.ref("run_id")
	if runsErr != nil {
		runs, join = &columns{name: "agent_runs", dialect: q.Dialect()}, ""
	}
	cells := []string{
		jobs.integer("id"), jobs.integer("run_id"), jobs.text("agent"), jobs.text("repo"), jobs.integer("pid"), jobs.time("started_at"),
		runs.text("model"), runs.text("effort"), runs.real("cost_usd"),
	}
	for _, tokens := range tokenColumns {
		cells = append(cells, runs.integer(tokens))
	}
	host := "NULL" // the column came later, and nothing is degraded without it
	if jobs.Columns["host"] {
		host = jobs.text("host")
	}
	cells = append(cells, host)
	read := func(task, ticket, join string) (ports.Reading[[]domain.RunningJob], error) {
		return list(q, maxRows, fmt.Sprintf("SELECT %s, %s, %s FROM %s %s WHERE %s = '%s' ORDER BY j.id LIMIT ?",
			strings.Join(cells, ", "), task, ticket, from, join, status, running), scanRunningJob)
	}
	task, ticket, tasks, err := q.ticket(jobs)
	if err != nil {
		return none, err
	}
	reading, err := read(task, ticket, join+tasks)
	if tasks != "" && q.unreadable(err) {
		reading, err = read(task, "NULL", join) // the section of tasks says why
	}
	switch {
	case err != nil:
		return reading, err
	case runsErr != nil:
		return reading, runsErr
	default:
		return reading, errors.Join(jobs.drift(), runs.drift())
	}
}

// ticket are the expressions of a job's task and of its work item, and the join that
// leads to it: no more than one task for a job. A database that has none of it is no
// worse for that.
func (q *queries) ticket(jobs *columns) (task, workItem, join string, err error) {
	if !jobs.Columns["task_id"] {
		return "NULL", "NULL", "", nil
	}
	task = jobs.integer("task_id")
	tasks, err := q.columns("tasks", "t", "id", "work_item_id")
	if err != nil {
		return task, "NULL", "", unlessDrift(err)
	}
	from := "tasks"
	if !tasks.Keyed {
		from = "(SELECT id, max(work_item_id) AS work_item_id FROM tasks GROUP BY id)"
	}
	return task, tasks.text("work_item_id"), " LEFT JOIN " + from + " t ON t.id = " + jobs.ref("task_id"), nil
}

func scanRunningJob(row *engine.Rows) domain.RunningJob {
	return domain.RunningJob{
		ID:        row.ID(),
		RunID:     row.Integer(),
		Agent:     row.Text(),
		Repo:      row.Text(),
		PID:       row.Integer(),
		StartedAt: row.Time(),

		Model:               row.Text(),
		Effort:              row.Text(),
		CostUSD:             row.Real(),
		InputTokens:         row.Integer(),
		OutputTokens:        row.Integer(),
		CacheReadTokens:     row.Integer(),
		CacheCreationTokens: row.Integer(),

		Host:     row.Text(),
		TaskID:   row.Integer(),
		WorkItem: row.Text(),
	}
}
