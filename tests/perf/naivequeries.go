package perf

import "database/sql"

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

func (n *Naive) stages(e *naiveEnvelope) error {
	e.Stages = []naiveStage{}
	return n.each(`SELECT work_item_id, stage, CAST(strftime('%s', updated_at) AS INTEGER), repo, id FROM tasks
		WHERE stage NOT IN ('done','cancelled') ORDER BY id`, func(rows *sql.Rows) error {
		var s naiveStage
		err := rows.Scan(&s.WorkItem, &s.Stage, &s.Age, &s.Repo, &s.TaskID)
		e.since(s.Age)
		e.Stages = append(e.Stages, s)
		return err
	})
}

// since makes an age of a time.
func (e *naiveEnvelope) since(seconds *int64) {
	if seconds != nil {
		*seconds = e.GeneratedAt.Unix() - *seconds
	}
}

func (n *Naive) counts(e *naiveEnvelope) error {
	e.Queue.Counts = map[string]int64{"queued": 0, "running": 0, "done": 0, "failed": 0, "cancelled": 0}
	err := n.each(`SELECT status, count(*) FROM jobs GROUP BY status`, func(rows *sql.Rows) error {
		var status string
		var jobs int64
		err := rows.Scan(&status, &jobs)
		e.Queue.Counts[status] = jobs
		return err
	})
	e.Queue.Depth = e.Queue.Counts["queued"]
	return err
}

func (n *Naive) retries(e *naiveEnvelope) error {
	return n.each(`SELECT count(CASE WHEN attempts > 1 THEN 1 END), coalesce(sum(max(coalesce(attempts, 0) - 1, 0)), 0), coalesce(max(attempts), 0)
		FROM jobs`, func(rows *sql.Rows) error {
		return rows.Scan(&e.Queue.Retries.Retried, &e.Queue.Retries.Total, &e.Queue.Retries.Most)
	})
}

func (n *Naive) agents(e *naiveEnvelope) error {
	e.Agents, e.Cost.Running = []naiveAgent{}, []naiveRunning{}
	return n.each(`SELECT j.agent, j.run_id, j.id, j.repo, j.pid, CAST(strftime('%s', j.started_at) AS INTEGER), r.model, r.effort,
		r.cost_usd, r.input_tokens, r.output_tokens, r.cache_read_tokens, r.cache_creation_tokens, j.task_id, t.work_item_id
		FROM jobs j LEFT JOIN agent_runs r ON r.id = j.run_id LEFT JOIN tasks t ON t.id = j.task_id WHERE j.status = 'running' ORDER BY j.id`, func(rows *sql.Rows) error {
		var a naiveAgent
		var c naiveRunning
		err := rows.Scan(&a.Agent, &a.RunID, &a.JobID, &a.Repo, &a.PID, &a.Runtime, &a.Model, &a.Effort,
			&c.Cost, &c.Input, &c.Output, &c.CacheRead, &c.CacheCreation, &a.TaskID, &a.Ticket)
		c.Model, c.RunID, c.JobID, c.Agent = a.Model, a.RunID, a.JobID, a.Agent
		e.since(a.Runtime)
		if a.PID != nil {
			process, ticks := readProcess(*a.PID)
			a.Process = process
			if process != nil {
				a.Ticks = &ticks
			}
		}
		e.Agents = append(e.Agents, a)
		e.Cost.Running = append(e.Cost.Running, c)
		return err
	})
}

func (n *Naive) totals(e *naiveEnvelope) error {
	t := &e.Cost.Aggregate
	t.naiveSpent = naiveSpent{new(float64), new(int64), new(int64), new(int64), new(int64)}
	return n.each(`SELECT model, count(*), total(cost_usd), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0),
		coalesce(sum(cache_read_tokens), 0), coalesce(sum(cache_creation_tokens), 0) FROM agent_runs GROUP BY model ORDER BY 3 DESC`, func(rows *sql.Rows) error {
		var m naiveModel
		err := rows.Scan(&m.Model, &m.Runs, &m.Cost, &m.Input, &m.Output, &m.CacheRead, &m.CacheCreation)
		e.Cost.ByModel = append(e.Cost.ByModel, m)
		if err != nil {
			return err
		}
		t.Runs += m.Runs
		*t.Cost += *m.Cost
		*t.Input += *m.Input
		*t.Output += *m.Output
		*t.CacheRead += *m.CacheRead
		*t.CacheCreation += *m.CacheCreation
		return nil
	})
}
