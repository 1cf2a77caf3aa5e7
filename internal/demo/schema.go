package demo

// schema is the orchestrator's, column by column: the demo is worth nothing if
// the service reads it by another road than the real database.
const schema = `
CREATE TABLE tasks (
    id            INTEGER PRIMARY KEY,
    work_item_id  TEXT,
    repo          TEXT,
    stage         TEXT NOT NULL,
    created_at    TEXT DEFAULT (datetime('now')),
    updated_at    TEXT DEFAULT (datetime('now'))  -- when the task entered its stage
);

CREATE TABLE jobs (
    id            INTEGER PRIMARY KEY,
    task_id       INTEGER REFERENCES tasks(id),
    repo          TEXT,
    agent         TEXT,                           -- the role
    status        TEXT NOT NULL,
    attempts      INTEGER DEFAULT 0,
    max_attempts  INTEGER DEFAULT 3,
    run_id        INTEGER,                        -- the current or last run
    pid           INTEGER,                        -- NULL before the spawn and after the end
    created_at    TEXT DEFAULT (datetime('now')),
    started_at    TEXT,
    finished_at   TEXT,
    error         TEXT
);
CREATE INDEX idx_jobs_status ON jobs(status);

CREATE TABLE agent_runs (
    id                     INTEGER PRIMARY KEY,
    task_id                INTEGER,
    agent                  TEXT,
    model                  TEXT,
    effort                 TEXT,
    started_at             TEXT,
    finished_at            TEXT,
    exit_code              INTEGER,
    cost_usd               REAL,                  -- this and the tokens: NULL until the run's report is in
    input_tokens           INTEGER,
    output_tokens          INTEGER,
    cache_read_tokens      INTEGER,
    cache_creation_tokens  INTEGER
);
`

// What jobs.status may say.
const (
	statusQueued    = "queued"
	statusRunning   = "running"
	statusDone      = "done"
	statusFailed    = "failed"
	statusCancelled = "cancelled"
)

// The two stages that end a task.
const (
	stageDone      = "done"
	stageCancelled = "cancelled"
)
