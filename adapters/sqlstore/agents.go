package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/ports"
)

// RunningJobs implements ports.AgentSource. Without a table of runs the jobs
// are still listed, with nil for the runs' columns.
func (s *Store) RunningJobs(ctx context.Context) (ports.Reading[[]domain.RunningJob], error) {
	return read(ctx, s, func(q *queries) (ports.Reading[[]domain.RunningJob], error) {
		jobs, err := once(q, "running jobs", selectRunningJobs)
		if err != nil {
			return ports.Reading[[]domain.RunningJob]{}, err
		}
		reading, err := list(q, s.maxRows, jobs.query+" ORDER BY j.id LIMIT ?", func(row *engine.Rows) (j domain.RunningJob) {
			row.Scan(&j.ID, &j.RunID, &j.PID, &j.TaskID, &j.Agent, &j.Repo, &j.StartedAt, &j.Model, &j.Effort, &j.CostUSD,
				&j.InputTokens, &j.OutputTokens, &j.CacheReadTokens, &j.CacheCreationTokens, &j.Host)
			return j
		})
		if err != nil {
			return reading, err
		}
		anomalies, err := q.tickets(reading.Value)
		reading.Anomalies += anomalies
		return reading, errors.Join(err, jobs.missing)
	})
}

func selectRunningJobs(q *queries) (statement, error) {
	jobs, err := q.columns("jobs", "j", "id", "status")
	if err != nil {
		return statement{}, err
	}
	runs, runsErr := q.columns("agent_runs", "r", "id")
	if unlessDrift(runsErr) != nil {
		return statement{}, runsErr
	}
	task := []string{"NULL"}
	if jobs.Columns["task_id"] { // an orchestrator without it is no worse
		task = jobs.cells(engine.Integer, "task_id")
	}
	host := []string{"NULL"} // the same
	if jobs.Columns["host"] {
		host = jobs.cells(engine.Text, "host")
	}
	join := " LEFT JOIN agent_runs r ON r.id = " + jobs.ref("run_id")
	if runsErr != nil {
		runs, join = &columns{dialect: q.Dialect}, ""
	}
	cells := slices.Concat(
		jobs.cells(engine.Integer, "id", "run_id", "pid"), task,
		jobs.cells(engine.Text, "agent", "repo"), jobs.cells(engine.Instant, "started_at"),
		runs.cells(engine.Text, "model", "effort"), runs.cells(engine.Real, "cost_usd"), runs.cells(engine.Integer, tokenColumns[:]...), host,
	)
	query := fmt.Sprintf("SELECT %s FROM %s%s WHERE %s = '%s'",
		strings.Join(cells, ", "), jobs.from(), join, jobs.cell("status", jobs.dialect.Exact), running)
	if runsErr == nil {
		runsErr = errors.Join(jobs.drift(), runs.drift())
	}
	return statement{query, runsErr}, nil
}

// tickets fills in the work items of the jobs' tasks, in a statement of its own: a table
// of tasks that is locked or slow costs the jobs nothing else. A database without tasks
// has no tickets, and is no worse for that.
func (q *queries) tickets(jobs []domain.RunningJob) (anomalies int64, err error) {
	ofTask := map[string][]*domain.RunningJob{}
	for i := range jobs {
		if id := jobs[i].TaskID; id != nil {
			ofTask[strconv.FormatInt(*id, 10)] = append(ofTask[strconv.FormatInt(*id, 10)], &jobs[i])
		}
	}
	if len(ofTask) == 0 {
		return 0, nil
	}
	tasks, err := once(q, "tickets", selectTickets)
	if err != nil || tasks == "" {
		return 0, err
	}
	rows := q.Query(tasks + " WHERE t.id IN (" + strings.Join(slices.Sorted(maps.Keys(ofTask)), ",") + ")")
	for rows.Next() {
		var id int64
		var workItem *string
		rows.Scan(&id, &workItem)
		for _, job := range ofTask[strconv.FormatInt(id, 10)] {
			job.WorkItem = workItem
		}
		anomalies += rows.Anomalies()
	}
	return anomalies, rows.Close() //nolint:wrapcheck // says what it could not do
}

// selectTickets is "" where there are no tasks, or no tickets of them.
func selectTickets(q *queries) (string, error) {
	found, err := q.lookUp("tasks")
	if err != nil || !found.Columns["id"] || !found.Columns["work_item_id"] {
		return "", err
	}
	tasks, err := q.columns("tasks", "t")
	if err != nil {
		return "", err
	}
	cells := slices.Concat(tasks.cells(engine.Integer, "id"), tasks.cells(engine.Text, "work_item_id"))
	return "SELECT " + strings.Join(cells, ", ") + " FROM tasks t", nil
}
