-- Mission Control: tasks by number, runs by text, two encodings of time.
--- files mission-control.db
--- schema
CREATE TABLE tasks (
    id INTEGER PRIMARY KEY, title TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'inbox', project_ticket_no INTEGER, github_repo TEXT, created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL, completed_at INTEGER, retry_count INTEGER NOT NULL DEFAULT 0, dispatch_attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX idx_tasks_status ON tasks(status);
CREATE TABLE runs (
    id TEXT PRIMARY KEY, agent_id TEXT NOT NULL, agent_name TEXT, model TEXT, task_id TEXT, status TEXT NOT NULL, started_at TEXT, ended_at TEXT,
    cost_input_tokens INTEGER, cost_output_tokens INTEGER, cost_cache_read_tokens INTEGER, cost_cache_write_tokens INTEGER, cost_usd REAL
);
CREATE INDEX idx_runs_status ON runs(status);
--- add
INSERT INTO tasks (id, title, status, project_ticket_no, github_repo, created_at, updated_at) VALUES (@number_of_task, 'a task of the demo', 'inbox', @number_of_task + 60, 'acme/web', @now, @now);
--- start
INSERT INTO runs (id, agent_id, agent_name, model, task_id, status, started_at) VALUES (@run, 'agent-' || @agent, @agent, @model, CAST(@number_of_task AS TEXT), 'running', @iso);
UPDATE tasks SET status = 'in_progress', updated_at = @now, dispatch_attempts = dispatch_attempts + 1 WHERE id = @number_of_task;
--- done
UPDATE runs SET status = 'completed', ended_at = @iso, cost_input_tokens = @input, cost_output_tokens = @output, cost_cache_read_tokens = @cache_read,
    cost_cache_write_tokens = @cache_write, cost_usd = @cost WHERE id = @run;
UPDATE tasks SET status = 'done', updated_at = @now, completed_at = @now WHERE id = @number_of_task;
--- failed
UPDATE runs SET status = 'failed', ended_at = @iso WHERE id = @run;
UPDATE tasks SET status = 'assigned', updated_at = @now, retry_count = retry_count + 1 WHERE id = @number_of_task;
