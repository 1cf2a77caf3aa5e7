-- River: one table. Its workers say in a job's output which process they have started, and where.
--- schema
CREATE TYPE river_job_state AS ENUM ('available', 'cancelled', 'completed', 'discarded', 'pending', 'retryable', 'running', 'scheduled');
CREATE TABLE river_job (
    id bigint PRIMARY KEY, state river_job_state NOT NULL DEFAULT 'available', kind text NOT NULL, queue text NOT NULL DEFAULT 'default', args jsonb NOT NULL DEFAULT '{}',
    attempt smallint NOT NULL DEFAULT 0, max_attempts smallint NOT NULL DEFAULT 25, created_at timestamptz NOT NULL, scheduled_at timestamptz NOT NULL,
    attempted_at timestamptz, attempted_by text[], finalized_at timestamptz, errors jsonb[], metadata jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX river_job_state_idx ON river_job (state, id);
--- add
INSERT INTO river_job (id, kind, created_at, scheduled_at) VALUES (@number_of_task, @agent, @iso, @iso);
--- start
UPDATE river_job SET state = 'running', attempt = attempt + 1, attempted_at = @iso, attempted_by = array_append(attempted_by, 'demo'),
    metadata = jsonb_build_object('output', jsonb_build_object('pid', @pid::integer, 'host', @host::text, 'model', @model::text)) WHERE id = @number_of_task;
--- done
UPDATE river_job SET state = 'completed', finalized_at = @iso WHERE id = @number_of_task;
--- failed
UPDATE river_job SET state = 'retryable', scheduled_at = @iso, errors = array_append(errors, jsonb_build_object('attempt', attempt, 'error', 'an error of the demo')) WHERE id = @number_of_task;
