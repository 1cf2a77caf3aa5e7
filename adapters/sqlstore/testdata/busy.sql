-- An orchestrator at work: every kind of row that the sources tell apart.
INSERT INTO tasks (id, work_item_id, repo, stage, updated_at) VALUES
    (7,  'ORCH-007', 'web',  'review',      '2026-06-01 11:00:00'),
    (3,  'ORCH-003', 'core', 'development', '2026-06-01 12:00:00'),
    (1,  'ORCH-001', 'core', 'done',        '2026-06-01 09:00:00'),
    (4,  NULL,       NULL,   'analysis',    NULL),
    (9,  'ORCH-009', 'web',  'cancelled',   '2026-06-01 10:00:00'),
    (12, 'ORCH-012', 'docs', 'Done',        '2026-06-01T12:30:00.750Z');
INSERT INTO jobs (id, task_id, repo, agent, status, attempts, run_id, pid, started_at, error) VALUES
    (21, 3,  'core', 'developer', 'running',   1,    31,   4711, '2026-06-01 12:00:05', NULL),
    (11, 7,  'web',  'reviewer',  'running',   3,    32,   NULL, '2026-06-01 11:59:00', 'never shown'),
    (15, 4,  NULL,   NULL,        'running',   NULL, NULL, NULL, NULL,                  NULL),
    (16, 4,  NULL,   'analyst',   'running',   2,    99,   12,   '2026-06-01 12:00:00', NULL),
    (1,  1,  'core', 'developer', 'done',      1,    30,   100,  '2026-06-01 08:00:00', NULL),
    (2,  1,  'core', 'reviewer',  'done',      5,    NULL, 101,  '2026-06-01 08:30:00', NULL),
    (5,  9,  'web',  'developer', 'cancelled', 0,    NULL, NULL, NULL,                  NULL),
    (30, 12, 'docs', 'analyst',   'queued',    0,    NULL, NULL, NULL,                  NULL),
    (31, 12, 'docs', 'analyst',   'queued',    NULL, NULL, NULL, NULL,                  NULL),
    (32, 12, 'docs', 'analyst',   'on hold',   0,    NULL, NULL, NULL,                  NULL);
INSERT INTO agent_runs (id, agent, model, effort, cost_usd, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens) VALUES
    (30, 'developer', 'claude-opus-4-8',   'high', 1.25,  1000, 200, 50,   7),
    (32, 'reviewer',  'claude-sonnet-4-5', NULL,   0.5,   10,   20,  NULL, 0),
    (31, 'developer', 'claude-opus-4-8',   'low',  NULL,  NULL, NULL, NULL, NULL);
