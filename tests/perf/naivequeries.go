package perf

import (
	"database/sql"

	"github.com/orchmetrics/orchmetrics/domain"
)

// The queries are those that say what the service's sources mean.

// each runs a query, and scan for each of its rows.
func (n *Naive) each(query string, scan func(*sql.Rows) error) error {
	rows, err := n.db.Query(n.translate(query))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (n *Naive) stages(e *naiveEnvelope) (report domain.SectionReport, err error) {
	e.Stages = []domain.Stage{}
	err = n.each(`SELECT work_item_id, stage, CAST(strftime('%s', updated_at) AS INTEGER), repo, id FROM tasks
		WHERE stage NOT IN ('done','cancelled') ORDER BY id`, func(rows *sql.Rows) error {
		var s domain.Stage
		var since *int64
		err := rows.Scan(&s.WorkItem, &s.Stage, &since, &s.Repo, &s.TaskID)
		s.AgeInStageS = e.since(since)
		e.Stages = append(e.Stages, s)
		return err
	})
	report.Rows = new(int64(len(e.Stages)))
	return report, err
}

// since makes an age of a time.
func (e *naiveEnvelope) since(seconds *int64) *int64 {
	if seconds == nil {
		return nil
	}
	return new(e.GeneratedAt.Unix() - *seconds)
}

func (n *Naive) queue(e *naiveEnvelope) (report domain.SectionReport, err error) {
	report.RecountedAt = &e.GeneratedAt
	q := &e.Queue
	q.Counts, q.Retries = domain.NewStatusCounts(), &domain.Retries{}
	err = n.each(`SELECT status, count(*) FROM jobs GROUP BY status`, func(rows *sql.Rows) error {
		var status string
		var jobs int64
		err := rows.Scan(&status, &jobs)
		q.Counts[status] = jobs
		return err
	})
	if err != nil {
		return report, err
	}
	q.Depth = new(q.Counts[domain.StatusQueued])
	return report, n.each(`SELECT count(CASE WHEN attempts > 1 THEN 1 END), coalesce(sum(max(coalesce(attempts, 0) - 1, 0)), 0), coalesce(max(attempts), 0)
		FROM jobs`, func(rows *sql.Rows) error {
		return rows.Scan(&q.Retries.RetriedJobs, &q.Retries.RetriesTotal, &q.Retries.MaxAttemptsSeen)
	})
}

// agents reads what the running jobs have cost, too: it is of the same rows.
func (n *Naive) agents(e *naiveEnvelope) (report domain.SectionReport, err error) {
	e.Agents, e.Cost.Running = []domain.Agent{}, []domain.RunningCost{}
	err = n.each(`SELECT j.agent, j.run_id, j.id, j.repo, j.pid, CAST(strftime('%s', j.started_at) AS INTEGER), r.model, r.effort,
		r.cost_usd, r.input_tokens, r.output_tokens, r.cache_read_tokens, r.cache_creation_tokens, j.task_id, t.work_item_id
		FROM jobs j LEFT JOIN agent_runs r ON r.id = j.run_id LEFT JOIN tasks t ON t.id = j.task_id WHERE j.status = 'running' ORDER BY j.id`, func(rows *sql.Rows) error {
		var a domain.Agent
		var c domain.RunningCost
		var started *int64
		err := rows.Scan(&a.Agent, &a.RunID, &a.JobID, &a.Repo, &a.PID, &started, &a.Model, &a.Effort,
			&c.CostUSD, &c.InputTokens, &c.OutputTokens, &c.CacheReadTokens, &c.CacheCreationTokens, &a.TaskID, &a.WorkItem)
		c.Model, c.RunID, c.JobID, c.Agent = a.Model, a.RunID, a.JobID, a.Agent
		a.RuntimeS = e.since(started)
		if a.PID != nil {
			a.Process, a.CPUTicks = n.host.process(*a.PID)
			if at := a.Process.StartedAt; at != nil && started != nil {
				a.Process.StartedAfterJobS = new(at.Unix() - *started)
			}
		}
		e.Agents = append(e.Agents, a)
		e.Cost.Running = append(e.Cost.Running, c)
		return err
	})
	report.Rows = new(int64(len(e.Agents)))
	return report, err
}

func (n *Naive) cost(e *naiveEnvelope) (report domain.SectionReport, err error) {
	report.Rows, report.RecountedAt = new(int64(len(e.Cost.Running))), &e.GeneratedAt
	e.Cost.ByModel = []domain.ModelCost{}
	t := &domain.CostTotals{CostUSD: new(0.0), InputTokens: new(int64(0)), OutputTokens: new(int64(0)), CacheReadTokens: new(int64(0)), CacheCreationTokens: new(int64(0))}
	e.Cost.Aggregate = t
	return report, n.each(`SELECT model, count(*), total(cost_usd), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0),
		coalesce(sum(cache_read_tokens), 0), coalesce(sum(cache_creation_tokens), 0) FROM agent_runs GROUP BY model ORDER BY 3 DESC`, func(rows *sql.Rows) error {
		var m domain.ModelCost
		err := rows.Scan(&m.Model, &m.Runs, &m.CostUSD, &m.InputTokens, &m.OutputTokens, &m.CacheReadTokens, &m.CacheCreationTokens)
		e.Cost.ByModel = append(e.Cost.ByModel, m)
		if err != nil {
			return err
		}
		t.Runs += m.Runs
		*t.CostUSD += *m.CostUSD
		*t.InputTokens += *m.InputTokens
		*t.OutputTokens += *m.OutputTokens
		*t.CacheReadTokens += *m.CacheReadTokens
		*t.CacheCreationTokens += *m.CacheCreationTokens
		return nil
	})
}
