package perf

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the naive version reads with it

	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

func onServer(db string) bool { return strings.Contains(db, "://") }

// forPostgres makes the naive version's queries those of PostgreSQL.
var forPostgres = strings.NewReplacer(
	"CAST(strftime('%s', updated_at) AS INTEGER)", "extract(epoch FROM updated_at)::bigint",
	"CAST(strftime('%s', j.started_at) AS INTEGER)", "extract(epoch FROM j.started_at)::bigint",
	"sum(max(coalesce(attempts, 0) - 1, 0))", "sum(greatest(coalesce(attempts, 0) - 1, 0))", "total(cost_usd)", "coalesce(sum(cost_usd), 0)::float8",
)

// PostgresWorld is a database of a server, with an orchestrator at work.
type PostgresWorld struct {
	server *postgrestest.Server
	name   string
	conn   *pgx.Conn
	stop   context.CancelFunc
	done   chan error
}

// NewPostgresWorld makes one of a size, whose orchestrator commits so many times a
// second until it is closed.
func NewPostgresWorld(server *postgrestest.Server, size Size, agents Agents, commits int) (w *PostgresWorld, err error) {
	ctx := context.Background()
	w = &PostgresWorld{server: server, name: fmt.Sprintf("rows_%d", size.Rows), done: make(chan error, 1)}
	admin, err := pgx.Connect(ctx, server.URL("postgres", "postgres"))
	if err != nil {
		return nil, err
	}
	defer admin.Close(ctx)
	if _, err = admin.Exec(ctx, "CREATE DATABASE "+w.name+" OWNER orchestrator"); err != nil {
		return nil, err
	}
	if w.conn, err = pgx.Connect(ctx, server.URL("orchestrator", w.name)); err != nil {
		return nil, err
	}
	root, err := Root()
	if err != nil {
		return nil, err
	}
	tables, err := os.ReadFile(filepath.Join(root, "adapters", "sqlstore", "testdata", "postgres.sql"))
	if err != nil {
		return nil, err
	}
	for _, script := range []string{string(tables), size.postgres(agents.pids()), "VACUUM ANALYZE"} {
		if _, err = w.conn.Exec(ctx, script, pgx.QueryExecModeSimpleProtocol); err != nil {
			return nil, fmt.Errorf("make a database: %w", err)
		}
	}
	ctx, w.stop = context.WithCancel(ctx)
	go func() { w.done <- w.work(ctx, commits) }()
	return w, nil
}

// work is the orchestrator's, whose steps are those of another engine (orchestrator.go).
func (w *PostgresWorld) work(ctx context.Context, commits int) error {
	ticks := time.NewTicker(time.Second / time.Duration(commits))
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
			if _, err := w.conn.Exec(context.Background(), "CALL step()"); err != nil {
				return err
			}
		}
	}
}

// URL is where a role reads it.
func (w *PostgresWorld) URL(role string) string { return w.server.URL(role, w.name) }

// Close ends the orchestrator.
func (w *PostgresWorld) Close() error {
	w.stop()
	if err := <-w.done; err != nil {
		return err
	}
	return w.conn.Close(context.Background())
}

// postgres inserts what has ended and what is active, as for SQLite.
func (s Size) postgres(pids []int) string {
	var text strings.Builder
	insert := func(table string, rows int64, columns, values string) {
		fmt.Fprintf(&text, "INSERT INTO %s (%s) SELECT %s FROM generate_series(1, %d) i, LATERAL (SELECT ((i * 1103515245::bigint + 81361) %% 2147483647) >> 7 AS r) numbers;\n",
			table, columns, values, rows)
	}
	insert("tasks", s.oldTasks(), "work_item_id, repo, stage, updated_at", "'ORCH-' || i, 'repo-' || r % 12, CASE WHEN r % 20 = 0 THEN 'cancelled' ELSE 'done' END, to_timestamp(1750000000 + i * 120)")
	insert("jobs", s.oldJobs(), "task_id, repo, agent, status, attempts, run_id, pid, started_at", `1 + i / 4, 'repo-' || r % 12, 'developer',
		CASE WHEN r % 100 < 90 THEN 'done' WHEN r % 100 < 97 THEN 'failed' ELSE 'cancelled' END, 1 + (r % 20 = 0)::int, i, 1000 + r % 30000, to_timestamp(1750000000 + i * 30)`)
	insert("agent_runs", s.oldRuns(), "task_id, agent, model, effort, started_at, cost_usd, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens", `1 + i / 4, 'developer',
		CASE r / 64 % 2 WHEN 0 THEN 'claude-opus-4-8' ELSE 'claude-sonnet-4-6' END, 'high', to_timestamp(1750000000 + i * 30), (r % 4000) / 1024.0, r % 40000, r % 30000, r % 2000000, r % 200000`)
	insert("tasks", s.ActiveTasks, "work_item_id, repo, stage", "'ORCH-' || i, 'repo-' || i % 12, (ARRAY['analysis','architecture','development','review','testing'])[1 + i % 5]")
	insert("agent_runs", int64(len(pids)), "task_id, agent, model, effort, started_at", "1, 'developer', 'claude-opus-4-8', 'high', now()")
	for i, pid := range pids {
		fmt.Fprintf(&text, "INSERT INTO jobs (task_id, repo, agent, status, attempts, run_id, pid, started_at) VALUES (1, 'repo-1', 'developer', 'running', 1, %d, %d, now());\n", s.oldRuns()+int64(i)+1, pid)
	}
	insert("jobs", queuedJobs, "task_id, repo, agent, status", "1, 'repo-1', 'developer', 'queued'")
	text.WriteString(`CREATE PROCEDURE step() LANGUAGE plpgsql AS $$
	DECLARE ended jobs; run bigint;
	BEGIN
		SELECT * INTO ended FROM jobs WHERE status = 'running' ORDER BY id LIMIT 1;
		UPDATE jobs SET status = 'done', finished_at = now() WHERE id = ended.id;
		UPDATE agent_runs SET finished_at = now(), exit_code = 0, cost_usd = 1.25, input_tokens = 40, output_tokens = 30, cache_read_tokens = 2000, cache_creation_tokens = 20 WHERE id = ended.run_id;
		INSERT INTO agent_runs (task_id, agent, model, effort, started_at) VALUES (1, 'developer', 'claude-opus-4-8', 'high', now()) RETURNING id INTO run;
		UPDATE jobs SET status = 'running', attempts = attempts + 1, run_id = run, pid = ended.pid, started_at = now()
			WHERE id = (SELECT id FROM jobs WHERE status = 'queued' ORDER BY id LIMIT 1);
		INSERT INTO jobs (task_id, repo, agent, status) VALUES (1, 'repo-1', 'developer', 'queued');
		UPDATE tasks SET stage = 'review', updated_at = now() WHERE id = (SELECT max(id) - 100 FROM tasks);
		UPDATE tasks SET stage = 'done', updated_at = now() WHERE id = (SELECT max(id) - 199 FROM tasks);
		INSERT INTO tasks (work_item_id, repo, stage) VALUES ('ORCH-0', 'repo-1', 'analysis');
	END $$;
	GRANT SELECT ON ALL TABLES IN SCHEMA public TO metrics;`)
	return text.String()
}

// ServerLoad is what the processes that serve a role have used so far, and how many they
// are: a connection each.
func ServerLoad(server *postgrestest.Server, role string) (used time.Duration, connections int, err error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server.URL("postgres", "postgres"))
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT pid FROM pg_stat_activity WHERE usename = $1", role)
	if err != nil {
		return 0, 0, err
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	for _, pid := range pids {
		var ns time.Duration // see docs/scheduler/sched-stats.rst of Linux
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
		if err != nil {
			return 0, 0, err
		}
		if _, err := fmt.Sscan(string(text), &ns); err != nil {
			return 0, 0, err
		}
		used += ns
	}
	return used, len(pids), err
}
