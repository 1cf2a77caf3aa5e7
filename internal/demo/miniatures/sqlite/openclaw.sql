-- OpenClaw: one table, in milliseconds. What failed is not tried again.
--- files openclaw.sqlite
--- schema
CREATE TABLE task_runs (
    task_id TEXT NOT NULL PRIMARY KEY, runtime TEXT NOT NULL, agent_id TEXT, run_id TEXT, label TEXT, task TEXT NOT NULL, status TEXT NOT NULL,
    created_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER, parent_task_id TEXT
) STRICT;
CREATE INDEX idx_task_runs_status ON task_runs(status);
--- add
INSERT INTO task_runs (task_id, runtime, agent_id, task, status, created_at) VALUES (@task, 'subagent', @agent, 'a task of the demo', 'queued', @now * 1000);
--- start
UPDATE task_runs SET status = 'running', run_id = @run, started_at = @now * 1000 WHERE task_id = @task;
--- done
UPDATE task_runs SET status = 'succeeded', ended_at = @now * 1000 WHERE task_id = @task;
--- failed
UPDATE task_runs SET status = 'failed', ended_at = @now * 1000 WHERE task_id = @task;
--- ends-when-failed
