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
		runs, join = &columns{dialect: q.Dialect()}, ""
	}
	cells := slices.Concat(
		jobs.cells(engine.Integer, "id", "run_id", "pid"), task, jobs.cells(engine.Text, "agent", "repo"), jobs.cells(engine.Instant, "started_at"),
		runs.cells(engine.Text, "model", "effort"), runs.cells(engine.Real, "cost_usd"), runs.cells(engine.Integer, tokenColumns[:]...), host,
	)
	query := fmt.Sprintf("SELECT %s FROM %s%s WHERE %s = '%s'",
		strings.Join(cells, ", "), jobs.from(), join, jobs.cell("status", jobs.dialect.Exact), running)
	if runsErr != nil {
		return statement{query, runsErr}, nil
	}
	return statement{query, errors.Join(jobs.drift(), runs.drift())}, nil
}

// tickets fills in the work items of the jobs' tasks, in a statement of its own: what is
// wrong with the tasks costs the jobs nothing else, and their own section says it.
func (q *queries) tickets(jobs []domain.RunningJob) (anomalies int64, err error) {
	workItems := map[int64]*string{}
	for _, job := range jobs {
		if job.TaskID != nil {
			workItems[*job.TaskID] = nil
		}
	}
	if len(workItems) == 0 {
		return 0, nil
	}
	tasks, err := once(q, "tickets", selectTickets)
	if err != nil {
		return 0, nil //nolint:nilerr // see above
	}
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(workItems)) {
		ids = append(ids, strconv.FormatInt(id, 10))
	}
	rows := q.Query(tasks + " WHERE t.id IN (" + strings.Join(ids, ",") + ")")
	for rows.Next() {
		var id int64
		var workItem *string
		rows.Scan(&id, &workItem)
		workItems[id] = workItem
		anomalies += rows.Anomalies()
	}
	if err := rows.Close(); errors.Is(err, engine.ErrCellTooLarge) {
		return 0, err //nolint:wrapcheck // says what it could not do
	}
	for i := range jobs {
		if id := jobs[i].TaskID; id != nil {
			jobs[i].WorkItem = workItems[*id]
		}
	}
	return anomalies, nil
}

func selectTickets(q *queries) (string, error) {
	tasks, err := q.columns("tasks", "t", "id", "work_item_id")
	if err != nil {
		return "", err
	}
	cells := slices.Concat(tasks.cells(engine.Integer, "id"), tasks.cells(engine.Text, "work_item_id"))
	return "SELECT " + strings.Join(cells, ", ") + " FROM tasks t", nil
}
