-- Multica: an issue, and a task of its own for each attempt at it. Agents run on devices that say how they are called, and no pid.
--- schema
CREATE TABLE workspace (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, issue_prefix text NOT NULL DEFAULT '');
CREATE TABLE issue_status (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), workspace_id uuid NOT NULL REFERENCES workspace, key text NOT NULL, category text NOT NULL, UNIQUE (workspace_id, key)
);
CREATE TABLE issue (
    id uuid PRIMARY KEY, workspace_id uuid NOT NULL REFERENCES workspace, title text NOT NULL, status text NOT NULL DEFAULT 'backlog', number integer NOT NULL, updated_at timestamptz NOT NULL
);
CREATE INDEX idx_issue_status ON issue (workspace_id, status);
CREATE TABLE agent (id uuid PRIMARY KEY, name text NOT NULL, model text, thinking_level text);
CREATE TABLE agent_runtime (id uuid PRIMARY KEY, daemon_id text, device_info text NOT NULL DEFAULT '');
CREATE TABLE agent_task_queue (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), agent_id uuid NOT NULL REFERENCES agent, issue_id uuid REFERENCES issue, runtime_id uuid REFERENCES agent_runtime,
    status text NOT NULL DEFAULT 'queued', started_at timestamptz, attempt integer NOT NULL DEFAULT 1, max_attempts integer NOT NULL DEFAULT 2, work_dir text
);
CREATE INDEX idx_agent_task_queue_agent ON agent_task_queue (agent_id, status);
CREATE TABLE task_usage (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), task_id uuid NOT NULL REFERENCES agent_task_queue, model text NOT NULL, input_tokens bigint NOT NULL, output_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL, cache_write_tokens bigint NOT NULL, cost_usd_ticks bigint
);
CREATE INDEX idx_task_usage_task_id ON task_usage (task_id);
INSERT INTO workspace (name, issue_prefix) VALUES ('Demo', 'MUL');
INSERT INTO issue_status (workspace_id, key, category) SELECT id, 'shipped', 'done' FROM workspace;
--- add
INSERT INTO agent (id, name, model, thinking_level) VALUES (md5(@agent || @model)::uuid, @agent, @model, 'medium') ON CONFLICT DO NOTHING;
INSERT INTO issue (id, workspace_id, title, status, number, updated_at) SELECT @task_uuid, id, 'a task of the demo', 'todo', @number_of_task, @iso FROM workspace;
INSERT INTO agent_task_queue (agent_id, issue_id) VALUES (md5(@agent || @model)::uuid, @task_uuid);
--- start
INSERT INTO agent_runtime (id, daemon_id, device_info) VALUES (md5(@host)::uuid, @host, @host || ' · 1.0.0') ON CONFLICT DO NOTHING;
UPDATE agent_task_queue SET status = 'running', runtime_id = md5(@host)::uuid, started_at = @iso WHERE issue_id = @task_uuid AND status = 'queued';
UPDATE issue SET status = 'in_progress', updated_at = @iso WHERE id = @task_uuid;
--- done
WITH ended AS (UPDATE agent_task_queue SET status = 'completed' WHERE issue_id = @task_uuid AND status = 'running' RETURNING *)
INSERT INTO task_usage (task_id, model, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd_ticks)
SELECT id, @model, @input, @output, @cache_read, @cache_write, @cost::numeric * 10000000000 FROM ended;
UPDATE issue SET status = 'shipped', updated_at = @iso WHERE id = @task_uuid;
--- failed
WITH ended AS (UPDATE agent_task_queue SET status = 'failed' WHERE issue_id = @task_uuid AND status = 'running' RETURNING *)
INSERT INTO agent_task_queue (agent_id, issue_id, attempt, max_attempts) SELECT agent_id, issue_id, attempt + 1, max_attempts FROM ended;
UPDATE issue SET status = 'todo', updated_at = @iso WHERE id = @task_uuid;
