-- Mission Control, as far as its profile reads it, with columns beside those.
CREATE TABLE tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'inbox', project_ticket_no INTEGER, github_repo TEXT,
    created_at INTEGER NOT NULL DEFAULT (unixepoch()), updated_at INTEGER NOT NULL DEFAULT (unixepoch()), completed_at INTEGER,
    retry_count INTEGER NOT NULL DEFAULT 0, dispatch_attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX idx_tasks_status ON tasks(status);
CREATE TABLE runs (
    id TEXT PRIMARY KEY, agent_id TEXT NOT NULL, agent_name TEXT, model TEXT, task_id TEXT, status TEXT NOT NULL, started_at TEXT, ended_at TEXT,
    cost_input_tokens INTEGER, cost_output_tokens INTEGER, cost_cache_read_tokens INTEGER, cost_cache_write_tokens INTEGER, cost_usd REAL
);
CREATE INDEX idx_runs_status ON runs(status);
