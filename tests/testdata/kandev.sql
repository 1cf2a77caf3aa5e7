-- Kandev, as far as its profile reads it, with columns beside those.
CREATE TABLE tasks (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, state TEXT DEFAULT 'TODO', workflow_step_id TEXT, archived_at DATETIME, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL
);
CREATE TABLE task_sessions (
    id TEXT PRIMARY KEY, task_id TEXT NOT NULL, agent_profile_id TEXT NOT NULL DEFAULT '', state TEXT NOT NULL DEFAULT 'CREATED',
    started_at TIMESTAMP NOT NULL, completed_at TIMESTAMP, cost_subcents INTEGER NOT NULL DEFAULT 0, tokens_in INTEGER NOT NULL DEFAULT 0,
    tokens_out INTEGER NOT NULL DEFAULT 0, tokens_cached_in INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX idx_task_sessions_state ON task_sessions(state);
CREATE TABLE runs (id TEXT PRIMARY KEY, status TEXT NOT NULL, retry_count INTEGER NOT NULL DEFAULT 0);
CREATE TABLE executors_running (id TEXT PRIMARY KEY, session_id TEXT NOT NULL, pid INTEGER, local_pid INTEGER);
