-- The tasks of OpenClaw, as far as its profile reads them, with columns beside those.
CREATE TABLE task_runs (
    task_id TEXT NOT NULL PRIMARY KEY, runtime TEXT NOT NULL, owner_key TEXT NOT NULL, scope_kind TEXT NOT NULL, parent_task_id TEXT,
    agent_id TEXT, run_id TEXT, label TEXT, task TEXT NOT NULL, status TEXT NOT NULL, delivery_status TEXT NOT NULL, notify_policy TEXT NOT NULL,
    created_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER
) STRICT;
CREATE INDEX idx_task_runs_status ON task_runs(status);
