-- A board of Hermes Agent, as far as its profile reads it, with columns beside those.
CREATE TABLE tasks (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, body TEXT, assignee TEXT, status TEXT NOT NULL, priority INTEGER DEFAULT 0,
    created_at INTEGER NOT NULL, started_at INTEGER, completed_at INTEGER, workspace_path TEXT, branch_name TEXT, claim_lock TEXT,
    consecutive_failures INTEGER NOT NULL DEFAULT 0, worker_pid INTEGER, current_run_id INTEGER, model_override TEXT,
    reasoning_effort TEXT, max_retries INTEGER
);
CREATE TABLE task_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, run_id INTEGER, kind TEXT NOT NULL, payload TEXT, created_at INTEGER NOT NULL
);
CREATE TABLE task_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, profile TEXT, status TEXT NOT NULL, claim_lock TEXT, worker_pid INTEGER,
    started_at INTEGER NOT NULL, ended_at INTEGER, outcome TEXT, error TEXT
);
CREATE INDEX idx_tasks_status ON tasks(status);
CREATE INDEX idx_events_task ON task_events(task_id, created_at);
CREATE INDEX idx_runs_task ON task_runs(task_id, started_at);
CREATE INDEX idx_runs_status ON task_runs(status);
