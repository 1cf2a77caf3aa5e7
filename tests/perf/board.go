package perf

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Board is the database of another orchestrator, which a profile reads: a board of
// Hermes Agent, and what its sessions cost beside it.
type Board struct {
	// DB is the path of the board.
	DB string
	db *sql.DB
}

// NewBoard makes one in a folder of its own below dir, of so many tasks that have ended,
// each of one run, one event and one session, a hundred that wait and ten that run.
func NewBoard(dir string, ended int64) (b *Board, err error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	if dir, err = os.MkdirTemp(dir, "board-"); err != nil {
		return nil, err
	}
	b = &Board{DB: filepath.Join(dir, "kanban.db")}
	numbers := fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) ", ended)
	for file, script := range map[string][2]string{
		"kanban.db": {"hermes.sql", numbers + `INSERT INTO tasks (id, title, status, created_at)
				SELECT printf('t_%08x', i), 'x', CASE i % 7 WHEN 0 THEN 'archived' ELSE 'done' END, 1750000000 + i FROM n;` +
			numbers + `INSERT INTO task_runs (task_id, status, started_at, ended_at) SELECT printf('t_%08x', i), 'done', 1750000000 + i, 1750000001 + i FROM n;` +
			numbers + `INSERT INTO task_events (task_id, kind, created_at) SELECT printf('t_%08x', i), 'completed', 1750000000 + i FROM n;
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 110)
			INSERT INTO tasks (id, title, status, created_at) SELECT 'w' || i, 'x', CASE WHEN i <= 10 THEN 'running' ELSE 'ready' END, 1780000000 FROM n;
			INSERT INTO task_runs (task_id, status, started_at) SELECT id, status, created_at FROM tasks WHERE status = 'running';`},
		"state.db": {"hermes_usage.sql", numbers + `INSERT INTO sessions (id, model, started_at, input_tokens, estimated_cost_usd)
				SELECT 's' || i, 'model-' || (i % 5), 1750000000 + i, i, 0.01 FROM n;`},
	} {
		schema, err := os.ReadFile(filepath.Join(root, "tests", "testdata", script[0]))
		if err != nil {
			return nil, err
		}
		if err := generate(filepath.Join(dir, file), string(schema)+script[1]); err != nil {
			return nil, err
		}
	}
	b.db, err = sql.Open("sqlite3", "file:"+b.DB+"?_synchronous=NORMAL")
	return b, err
}

// Step commits once: a task that works says so.
func (b *Board) Step() error {
	_, err := b.db.Exec("INSERT INTO task_events (task_id, kind, created_at) VALUES ('w1', 'heartbeat', 1780000000)")
	return err
}

// Close removes the board.
func (b *Board) Close() error {
	return errors.Join(b.db.Close(), os.RemoveAll(filepath.Dir(b.DB)))
}
