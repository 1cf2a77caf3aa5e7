-- A busy moment at 2026-06-01 12:00:00 UTC. The processes are those of testdata/proc.
INSERT INTO tasks (id, work_item_id, repo, stage, updated_at) VALUES
    (7,  'ORCH-099', 'billing-api', 'development', '2026-06-01 11:40:00'),
    (3,  NULL,       NULL,          'review',      '2026-06-01 11:59:59.900'),
    (12, 'ORCH-104', 'web-shop',    'analysis',    '2026-06-01T12:00:05Z'),
    (13, 'ORCH-105', 'web-shop',    'testing',     'soon'),
    (14, 'ORCH-106', 'web-shop',    'design',      NULL),
    (1,  'ORCH-001', 'billing-api', 'done',        '2026-05-01 09:00:00'),
    (2,  'ORCH-002', 'billing-api', 'cancelled',   '2026-05-01 09:00:00');
INSERT INTO jobs (id, task_id, repo, agent, status, attempts, run_id, pid, started_at) VALUES
    (21, 7,  'billing-api', 'developer', 'running',   2,    41,   4242, '2026-06-01 11:50:00'),
    (22, 3,  NULL,          'reviewer',  'running',   1,    42,   4300, '2026-06-01 11:59:00'),
    (23, 12, 'web-shop',    'analyst',   'running',   1,    NULL, NULL, NULL),
    (24, 13, 'web-shop',    'tester',    'queued',    0,    NULL, NULL, NULL),
    (25, 14, 'web-shop',    'architect', 'queued',    NULL, NULL, NULL, NULL),
    (11, 1,  'billing-api', 'developer', 'done',      4,    31,   999,  '2026-05-01 08:00:00'),
    (12, 2,  'billing-api', 'developer', 'failed',    3,    32,   998,  '2026-05-01 08:00:00'),
    (13, 2,  'billing-api', 'developer', 'paused',    1,    NULL, NULL, NULL);
INSERT INTO agent_runs (id, agent, model, effort, cost_usd, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens) VALUES
    (31, 'developer', 'claude-opus-4-8',   'high', 1.25, 1000, 200, 50000, 3000),
    (32, 'developer', 'claude-haiku-4-5',  NULL,   0.5,  400,  80,  NULL,  NULL),
    (41, 'developer', 'claude-opus-4-8',   'high', NULL, NULL, NULL, NULL, NULL),
    (42, 'reviewer',  'claude-sonnet-4-5', 'low',  0.25, 100,  20,  1000,  0);
