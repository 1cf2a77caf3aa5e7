-- Paperclip: an issue, and a run of its own for each attempt at it, with the pid.
--- schema
CREATE TABLE companies (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, issue_prefix text NOT NULL);
CREATE TABLE agents (
    id uuid PRIMARY KEY, company_id uuid NOT NULL REFERENCES companies, name text NOT NULL, role text NOT NULL DEFAULT 'general', adapter_config jsonb NOT NULL DEFAULT '{}'
);
CREATE TABLE issues (
    id uuid PRIMARY KEY, company_id uuid NOT NULL REFERENCES companies, title text NOT NULL, status text NOT NULL DEFAULT 'backlog', identifier text UNIQUE,
    started_at timestamptz, updated_at timestamptz NOT NULL, hidden_at timestamptz
);
CREATE INDEX issues_company_status_idx ON issues (company_id, status);
CREATE TABLE heartbeat_runs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), company_id uuid NOT NULL REFERENCES companies, agent_id uuid NOT NULL REFERENCES agents, status text NOT NULL DEFAULT 'queued',
    started_at timestamptz, finished_at timestamptz, process_pid integer, process_started_at timestamptz, retry_of_run_id uuid REFERENCES heartbeat_runs,
    scheduled_retry_attempt integer NOT NULL DEFAULT 0, context_snapshot jsonb
);
CREATE INDEX heartbeat_runs_company_status_idx ON heartbeat_runs (company_id, status);
CREATE TABLE cost_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), company_id uuid NOT NULL REFERENCES companies, agent_id uuid NOT NULL REFERENCES agents, heartbeat_run_id uuid REFERENCES heartbeat_runs,
    model text NOT NULL, cost_cents integer NOT NULL, input_tokens integer NOT NULL, cached_input_tokens integer NOT NULL, output_tokens integer NOT NULL, occurred_at timestamptz NOT NULL
);
CREATE INDEX cost_events_company_run_idx ON cost_events (company_id, heartbeat_run_id);
INSERT INTO companies (name, issue_prefix) VALUES ('Demo', 'PAP');
--- add
INSERT INTO agents (id, company_id, name, adapter_config) SELECT md5(@agent || @model)::uuid, id, @agent, jsonb_build_object('model', @model::text, 'effort', 'medium')
FROM companies ON CONFLICT DO NOTHING;
INSERT INTO issues (id, company_id, title, status, identifier, updated_at) SELECT @task_uuid, id, 'a task of the demo', 'todo', issue_prefix || '-' || @number_of_task, @iso FROM companies;
INSERT INTO heartbeat_runs (company_id, agent_id, context_snapshot) SELECT id, md5(@agent || @model)::uuid, jsonb_build_object('issueId', @task_uuid::text) FROM companies;
--- start
UPDATE heartbeat_runs SET status = 'running', started_at = @iso, process_pid = @pid, process_started_at = @iso
WHERE status IN ('queued', 'scheduled_retry') AND context_snapshot ->> 'issueId' = @task_uuid;
UPDATE issues SET status = 'in_progress', started_at = @iso, updated_at = @iso WHERE id = @task_uuid;
--- done
WITH ended AS (
    UPDATE heartbeat_runs SET status = 'succeeded', finished_at = @iso WHERE status = 'running' AND context_snapshot ->> 'issueId' = @task_uuid RETURNING *
)
INSERT INTO cost_events (company_id, agent_id, heartbeat_run_id, model, cost_cents, input_tokens, cached_input_tokens, output_tokens, occurred_at)
SELECT company_id, agent_id, id, @model, @cost::numeric * 100, @input, @cache_read, @output, @iso FROM ended;
UPDATE issues SET status = 'done', updated_at = @iso WHERE id = @task_uuid;
--- failed
WITH ended AS (
    UPDATE heartbeat_runs SET status = 'failed', finished_at = @iso WHERE status = 'running' AND context_snapshot ->> 'issueId' = @task_uuid RETURNING *
)
INSERT INTO heartbeat_runs (company_id, agent_id, status, retry_of_run_id, scheduled_retry_attempt, context_snapshot)
SELECT company_id, agent_id, 'scheduled_retry', id, scheduled_retry_attempt + 1, context_snapshot FROM ended;
UPDATE issues SET status = 'todo', updated_at = @iso WHERE id = @task_uuid;
