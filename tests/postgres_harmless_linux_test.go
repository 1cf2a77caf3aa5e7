package tests

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

// lines are the rows of a query, as texts.
func lines(t *testing.T, conn *pgx.Conn, query string, args ...any) (found []string) {
	t.Helper()
	rows, err := conn.Query(context.Background(), query, args...)
	require.NoError(t, err, query)
	found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (text string, err error) {
		values, err := row.Values()
		return fmt.Sprint(values...), err
	})
	require.NoError(t, err, query)
	return found
}

// longHistory fills a schema: many rows, some of them active.
const longHistory = `INSERT INTO tasks (stage, updated_at) SELECT CASE n % 100 WHEN 0 THEN 'review' ELSE 'done' END, now() FROM generate_series(1, 20000) n;
	INSERT INTO jobs (status, attempts, run_id) SELECT CASE n % 400 WHEN 0 THEN 'running' WHEN 1 THEN 'queued' ELSE 'done' END, n % 4, n FROM generate_series(1, 20000) n;
	INSERT INTO agent_runs (model, cost_usd, input_tokens) SELECT 'model-' || n % 5, n * 0.01, n FROM generate_series(1, 20000) n;
	ANALYZE`

// TestPostgresHarmless: as a role that owns all of it, a service writes nothing, takes no
// lock but a reader's, spills nothing to files, and leaves nothing open.
func TestPostgresHarmless(t *testing.T) {
	t.Parallel()
	db := postgrestest.Shared(t).NewDatabase(t)
	script, err := os.ReadFile("../adapters/sqlstore/testdata/postgres.sql")
	require.NoError(t, err)
	owner := db.Writer(t)
	postgrestest.Exec(t, owner, string(script), longHistory)
	state := func() [][]string {
		postgrestest.Exec(t, owner, "SELECT pg_stat_force_next_flush()", "SELECT pg_stat_clear_snapshot()")
		return [][]string{
			lines(t, owner, "SELECT relname::text, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables ORDER BY 1"),
			lines(t, owner, "SELECT c::text FROM pg_class c WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) ORDER BY oid"),
			lines(t, owner, "SELECT count(*) FROM pg_class"), lines(t, owner, "SELECT count(*) FROM pg_attribute"),
			lines(t, owner, "SELECT sequencename::text, last_value FROM pg_sequences ORDER BY 1"),
			lines(t, owner, "SELECT temp_files, temp_bytes FROM pg_stat_database WHERE datname = current_database()"),
		}
	}
	s := startService(t, []string{"ORCH_DB=" + db.URL("orchestrator", db.Name)}, "serve")
	s.metrics(t)
	before := state()
	// Tables and indexes: each connection locks its database, too, while it begins.
	locks, done := make(chan map[string]bool), make(chan struct{})
	go func() { // sampled from another connection, all the while
		seen := map[string]bool{}
		sampler := db.Connect(t, "postgres", "postgres")
		for {
			//nolint:testifylint // it ends before the test does
			for _, mode := range lines(t, sampler, `SELECT DISTINCT l.mode::text FROM pg_locks l JOIN pg_stat_activity a USING (pid)
				WHERE a.application_name = 'orchmetrics' AND a.datname = $1 AND l.locktype = 'relation'`, db.Name) {
				seen[mode] = true
			}
			select {
			case <-done:
				locks <- seen
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	for range 40 {
		s.metrics(t)
	}
	close(done)
	assert.Equal(t, map[string]bool{"AccessShareLock": true}, <-locks)
	assert.Equal(t, before, state())
	busy := `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'orchmetrics' AND (state <> 'idle' OR backend_xmin IS NOT NULL)`
	require.Eventually(t, func() bool { return len(lines(t, owner, busy)) == 0 }, 20*time.Second, 10*time.Millisecond, "what waits holds back no vacuum")
	assert.LessOrEqual(t, len(lines(t, owner, strings.Split(busy, " AND (")[0])), 2)
}

// TestPgBouncer reads through a real PgBouncer that lends its connections by the
// transaction, beside a client to which nothing of that may show.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		t.Skip("needs PgBouncer (Debian: apt-get install pgbouncer)")
	}
	server := postgrestest.Shared(t)
	schema := postgrestest.NewSchema(t)
	w := newPostgresWriter(t, schema)
	w.run("%s", longHistory)
	port := startBouncer(t, server, program)
	location := fmt.Sprintf("postgres://metrics@127.0.0.1:%d/%s?sslmode=disable&search_path=%s", port, schema.Database.Name, schema.Name)
	client := fmt.Sprintf("postgres://orchestrator@127.0.0.1:%d/%s?sslmode=disable&default_query_exec_mode=simple_protocol", port, schema.Database.Name)

	settings := []string{"ORCH_DB=" + location}
	services := []*service{startService(t, settings, "serve"), startService(t, settings, "serve")}
	for range 20 {
		for _, s := range services {
			envelope := s.metrics(t)
			for key, report := range envelope["sections"].(map[string]any) {
				assert.Equal(t, "ok", report.(map[string]any)["status"], "%s: %v", key, report)
			}
			assert.Len(t, envelope["stages"], 200)
			assert.InDelta(t, 2000100, at2(envelope, "cost", "aggregate").(map[string]any)["cost_usd"], 1e-3)
		}
		conn, err := pgx.Connect(t.Context(), client)
		require.NoError(t, err)
		assert.Equal(t, []string{"off 0 0 off on"}, lines(t, conn, `SELECT concat_ws(' ', current_setting('default_transaction_read_only'), current_setting('statement_timeout'),
			current_setting('lock_timeout'), current_setting('transaction_read_only'), current_setting('jit'))`))
		postgrestest.Exec(t, conn, fmt.Sprintf("UPDATE %s.jobs SET attempts = attempts WHERE id = 1", schema.Name))
		require.NoError(t, conn.Close(t.Context()))
	}
}

// startBouncer starts a PgBouncer before a server, with few connections to it.
func startBouncer(t *testing.T, server *postgrestest.Server, program string) (port int) {
	t.Helper()
	port, err := postgrestest.FreePort()
	require.NoError(t, err)
	dir := filepath.Join(filepath.Dir(server.Dir), "bouncer")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "users"), []byte(`"metrics" ""`+"\n"+`"orchestrator" ""`+"\n"), 0o644))
	config := filepath.Join(dir, "pgbouncer.ini")
	require.NoError(t, os.WriteFile(config, []byte(`[databases]
* = host=127.0.0.1 port=`+strconv.Itoa(server.Port)+`
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = `+strconv.Itoa(port)+`
unix_socket_dir =
auth_type = trust
auth_file = `+filepath.Join(dir, "users")+`
pool_mode = transaction
default_pool_size = 2
`), 0o644))
	cmd := server.Command(program, config)
	var log sharedBuffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	require.Eventually(t, func() bool {
		conn, err := pgx.Connect(context.Background(), fmt.Sprintf("postgres://orchestrator@127.0.0.1:%d/postgres?sslmode=disable", port))
		return err == nil && conn.Close(context.Background()) == nil
	}, 20*time.Second, 20*time.Millisecond, "%s", &log)
	return port
}

// TestPostgresStandby reads a hot standby, through conflicts with what it follows, and
// after it has become a server of its own.
func TestPostgresStandby(t *testing.T) {
	t.Parallel()
	primary := postgrestest.New(t, "wal_level = replica", "max_wal_senders = 4")
	db := primary.NewDatabase(t)
	script, err := os.ReadFile("../adapters/sqlstore/testdata/postgres.sql")
	require.NoError(t, err)
	owner := db.Writer(t)
	postgrestest.Exec(t, owner, string(script), longHistory, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO metrics")
	standby := primary.Standby(t, "max_standby_streaming_delay = 0", "hot_standby_feedback = off")
	s := startService(t, []string{"ORCH_DB=" + standby.URL("metrics", db.Name)}, "serve")
	tasks := func() int { return len(s.metrics(t)["stages"].([]any)) }
	require.Eventually(t, func() bool { return tasks() == 200 }, time.Minute, 20*time.Millisecond)
	rounds := 6
	if long() {
		rounds = 20
	}
	for n := range rounds { // each takes the tables away from readers, and what they may still need
		postgrestest.Exec(t, owner, "INSERT INTO tasks (stage) VALUES ('review')", "UPDATE jobs SET attempts = attempts", "VACUUM jobs", "VACUUM FULL tasks")
		s.metrics(t) // answered, whatever it is
		require.Eventually(t, func() bool { return tasks() == 201+n }, time.Minute, 20*time.Millisecond)
	}
	require.NoError(t, primary.Stop("immediate"))
	require.NoError(t, standby.Promote())
	s.metrics(t)
	for key, report := range s.metrics(t)["sections"].(map[string]any) {
		assert.Contains(t, []any{nil, "recounting"}, report.(map[string]any)["code"], key)
	}
	heir := standby.Connect(t, "orchestrator", db.Name)
	postgrestest.Exec(t, heir, "INSERT INTO tasks (stage) VALUES ('review')")
	assert.Equal(t, 201+rounds, tasks())
}
