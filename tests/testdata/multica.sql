-- Multica, as far as its profile reads it, with columns beside those.
CREATE TABLE workspace (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, issue_prefix text NOT NULL DEFAULT '');
CREATE TABLE issue_status (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), workspace_id uuid NOT NULL, key text NOT NULL, category text NOT NULL, UNIQUE (workspace_id, key)
);
CREATE TABLE issue (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), workspace_id uuid NOT NULL, title text NOT NULL, status text NOT NULL DEFAULT 'backlog',
    number integer NOT NULL DEFAULT 0, updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_issue_status ON issue (workspace_id, status);
CREATE TABLE agent (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, model text, thinking_level text);
CREATE TABLE agent_runtime (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), daemon_id text, device_info text NOT NULL DEFAULT '');
CREATE TABLE agent_task_queue (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), agent_id uuid NOT NULL, issue_id uuid, runtime_id uuid, status text NOT NULL DEFAULT 'queued',
    started_at timestamptz, attempt integer NOT NULL DEFAULT 1, max_attempts integer NOT NULL DEFAULT 2, context jsonb
);
CREATE INDEX idx_agent_task_queue_agent ON agent_task_queue (agent_id, status);
CREATE TABLE task_usage (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), task_id uuid NOT NULL, model text NOT NULL, input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0, cache_read_tokens bigint NOT NULL DEFAULT 0, cache_write_tokens bigint NOT NULL DEFAULT 0, cost_usd_ticks bigint
);
CREATE INDEX idx_task_usage_task_id ON task_usage (task_id);
