-- Kandev: tasks and sessions by text, costs in subcents, pids that are not of this host.
--- files kandev.db
--- schema
CREATE TABLE tasks (id TEXT PRIMARY KEY, title TEXT NOT NULL, state TEXT DEFAULT 'TODO', workflow_step_id TEXT, archived_at DATETIME, updated_at DATETIME NOT NULL);
CREATE TABLE task_sessions (
    id TEXT PRIMARY KEY, task_id TEXT NOT NULL, agent_profile_id TEXT NOT NULL DEFAULT '', state TEXT NOT NULL DEFAULT 'CREATED', started_at TIMESTAMP NOT NULL,
    completed_at TIMESTAMP, cost_subcents INTEGER NOT NULL DEFAULT 0, tokens_in INTEGER NOT NULL DEFAULT 0, tokens_out INTEGER NOT NULL DEFAULT 0,
    tokens_cached_in INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX idx_task_sessions_state ON task_sessions(state);
CREATE TABLE runs (id TEXT PRIMARY KEY, status TEXT NOT NULL, retry_count INTEGER NOT NULL DEFAULT 0);
CREATE TABLE executors_running (id TEXT PRIMARY KEY, session_id TEXT NOT NULL, pid INTEGER, local_pid INTEGER);
--- add
INSERT INTO tasks (id, title, state, updated_at) VALUES (@task, 'a task of the demo', 'TODO', @iso);
INSERT INTO runs (id, status) VALUES (@task, 'queued');
--- start
UPDATE tasks SET state = 'IN_PROGRESS', updated_at = @iso WHERE id = @task;
INSERT INTO task_sessions (id, task_id, agent_profile_id, state, started_at) VALUES (@run, @task, @agent, 'RUNNING', @iso);
UPDATE runs SET status = 'claimed' WHERE id = @task;
INSERT INTO executors_running VALUES (@run, @run, 1, @pid);
--- done
UPDATE task_sessions SET state = 'COMPLETED', completed_at = @iso, cost_subcents = CAST(@cost * 10000 AS INTEGER), tokens_in = @input, tokens_out = @output,
    tokens_cached_in = @cache_read WHERE id = @run;
UPDATE tasks SET state = 'COMPLETED', updated_at = @iso WHERE id = @task;
UPDATE runs SET status = 'finished' WHERE id = @task;
DELETE FROM executors_running WHERE id = @run;
--- failed
UPDATE task_sessions SET state = 'FAILED', completed_at = @iso WHERE id = @run;
UPDATE tasks SET state = 'TODO', updated_at = @iso WHERE id = @task;
UPDATE runs SET status = 'queued', retry_count = retry_count + 1 WHERE id = @task;
DELETE FROM executors_running WHERE id = @run;
