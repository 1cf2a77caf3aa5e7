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
		reading, err := list(q, s.opts.MaxRows, q.running, " ORDER BY j.id", func(row *engine.Rows) (j domain.RunningJob) {
			row.Scan(&j.ID, &j.RunID, &j.PID, &j.Agent, &j.Repo, &j.StartedAt, &j.Model, &j.Effort, &j.CostUSD,
				&j.InputTokens, &j.OutputTokens, &j.CacheReadTokens, &j.CacheCreationTokens, &j.TaskID, &j.Host)
			return j
		})
		anomalies, ticketsErr := q.readTickets(reading.Value)
		reading.Anomalies += anomalies
		return reading, errors.Join(ticketsErr, err)
	})
}

func (s *statements) selectRunningJobs() statement {
	jobs, err := s.columns("jobs", "j", "id", "status")
	if err != nil {
		return statement{missing: err}
	}
	runs, missing := s.columns("agent_runs", "r", "id")
	join := " LEFT JOIN agent_runs r ON r.id = " + jobs.ref("run_id")
	if missing != nil {
		runs, join = &columns{}, ""
	}
	later := []string{"NULL", "NULL"} // an orchestrator without them is no worse
	for i, name := range []string{"task_id", "host"} {
		if as := []engine.Type{engine.Integer, engine.Text}[i]; jobs.Columns[name] {
			later[i] = jobs.cells(as, name)
		}
	}
	cells := []string{
		jobs.cells(engine.Integer, "id", "run_id", "pid"), jobs.cells(engine.Text, "agent", "repo"), jobs.cells(engine.Instant, "started_at"),
		runs.cells(engine.Text, "model", "effort"), runs.cells(engine.Real, "cost_usd"), runs.cells(engine.Integer, tokenColumns[:]...),
	}
	query := fmt.Sprintf("SELECT %s FROM %s%s WHERE %s = '%s'",
		strings.Join(append(cells, later...), ", "), jobs.from(), join, jobs.cell("status", jobs.dialect.Exact), running)
	if missing == nil {
		missing = errors.Join(jobs.drift(), runs.drift())
	}
	return statement{query, missing}
}

// readTickets fills in the work items of the jobs' tasks, in a statement of its own: a
// table of tasks that is locked or slow costs the jobs nothing else. A database without
// tasks has no tickets, and is no worse for that.
func (q *queries) readTickets(jobs []domain.RunningJob) (anomalies int64, err error) {
	ofTask := map[string][]*domain.RunningJob{}
	for i := range jobs {
		if id := jobs[i].TaskID; id != nil {
			ofTask[strconv.FormatInt(*id, 10)] = append(ofTask[strconv.FormatInt(*id, 10)], &jobs[i])
		}
	}
	switch {
	case len(ofTask) == 0:
		return 0, nil
	case q.tickets.query == "":
		return 0, q.tickets.missing
	}
	rows := q.Query(q.tickets.query + " WHERE t.id IN (" + strings.Join(slices.Sorted(maps.Keys(ofTask)), ",") + ")")
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

func (s *statements) selectTickets() statement {
	tasks, err := s.columns("tasks", "t", "id", "work_item_id")
	if err != nil {
		return statement{missing: tasks.err}
	}
	id, workItem := tasks.cells(engine.Integer, "id"), tasks.cells(engine.Text, "work_item_id")
	return statement{query: "SELECT " + id + ", " + workItem + " FROM tasks t"}
}
