-- The orchestrator's tables as it creates them.
CREATE TABLE tasks (
    id            INTEGER PRIMARY KEY,
    work_item_id  TEXT,
    repo          TEXT,
    stage         TEXT NOT NULL,
    created_at    TEXT DEFAULT (datetime('now')),
    updated_at    TEXT DEFAULT (datetime('now'))
);
CREATE TABLE jobs (
    id            INTEGER PRIMARY KEY,
    task_id       INTEGER REFERENCES tasks(id),
    repo          TEXT,
    agent         TEXT,
    status        TEXT NOT NULL,
    attempts      INTEGER DEFAULT 0,
    max_attempts  INTEGER DEFAULT 3,
    run_id        INTEGER,
    pid           INTEGER,
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
    cost_usd               REAL,
    input_tokens           INTEGER,
    output_tokens          INTEGER,
    cache_read_tokens      INTEGER,
    cache_creation_tokens  INTEGER
);
