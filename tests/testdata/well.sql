-- What else makes a scrape flat, and some history.
CREATE INDEX idx_tasks_stage ON tasks(stage);
INSERT INTO tasks (id, work_item_id, repo, stage) VALUES (7, 'ORCH-007', 'web', 'review'), (3, 'ORCH-003', 'core', 'done');
INSERT INTO jobs (id, agent, status, attempts) VALUES (1, 'developer', 'done', 1), (2, 'reviewer', 'queued', 0);
