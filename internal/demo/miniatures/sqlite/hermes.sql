-- Hermes Agent: a kanban board, and beside it what its sessions cost.
--- files kanban.db usage=state.db
--- schema
CREATE TABLE tasks (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, assignee TEXT, status TEXT NOT NULL, priority INTEGER DEFAULT 0, created_at INTEGER NOT NULL,
    started_at INTEGER, completed_at INTEGER, workspace_path TEXT, branch_name TEXT, claim_lock TEXT, consecutive_failures INTEGER NOT NULL DEFAULT 0,
    worker_pid INTEGER, current_run_id INTEGER, model_override TEXT, reasoning_effort TEXT, max_retries INTEGER
);
CREATE TABLE task_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, profile TEXT, status TEXT NOT NULL, claim_lock TEXT, worker_pid INTEGER,
    started_at INTEGER NOT NULL, ended_at INTEGER, outcome TEXT
);
CREATE TABLE task_events (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, run_id INTEGER, kind TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE INDEX idx_tasks_status ON tasks(status);
CREATE INDEX idx_events_task ON task_events(task_id, created_at);
CREATE INDEX idx_runs_task ON task_runs(task_id, started_at);
CREATE INDEX idx_runs_status ON task_runs(status);
CREATE TABLE usage.sessions (
    id TEXT PRIMARY KEY, model TEXT, started_at REAL NOT NULL, ended_at REAL, input_tokens INTEGER DEFAULT 0, output_tokens INTEGER DEFAULT 0,
    cache_read_tokens INTEGER DEFAULT 0, cache_write_tokens INTEGER DEFAULT 0, reasoning_tokens INTEGER DEFAULT 0, estimated_cost_usd REAL, actual_cost_usd REAL
);
--- add
INSERT INTO tasks (id, title, assignee, status, created_at, model_override) VALUES (@task, 'a task of the demo', @agent, 'ready', @now, @model);
INSERT INTO task_events (task_id, kind, created_at) VALUES (@task, 'created', @now);
--- start
INSERT INTO task_runs (id, task_id, profile, status, claim_lock, worker_pid, started_at) VALUES (@number, @task, @agent, 'running', @host || ':' || @self, @pid, @now);
UPDATE tasks SET status = 'running', claim_lock = @host || ':' || @self, worker_pid = @pid, started_at = @now, current_run_id = @number WHERE id = @task;
INSERT INTO task_events (task_id, run_id, kind, created_at) VALUES (@task, @number, 'claimed', @now);
--- done
UPDATE task_runs SET status = 'done', ended_at = @now, outcome = 'completed' WHERE id = @number;
UPDATE tasks SET status = 'done', completed_at = @now, claim_lock = NULL, worker_pid = NULL WHERE id = @task;
INSERT INTO usage.sessions (id, model, started_at, ended_at, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, actual_cost_usd)
VALUES (@run, @model, @now - 1, @now, @input, @output, @cache_read, @cache_write, @cost);
--- failed
UPDATE task_runs SET status = 'crashed', ended_at = @now, outcome = 'crashed' WHERE id = @number;
UPDATE tasks SET status = 'ready', claim_lock = NULL, worker_pid = NULL, consecutive_failures = consecutive_failures + 1 WHERE id = @task;
INSERT INTO task_events (task_id, run_id, kind, created_at) VALUES (@task, @number, 'crashed', @now);
