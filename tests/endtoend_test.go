package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

// statements is who writes the database, from another process.
type statements interface {
	run(format string, args ...any) []string
	value(query string) string
}

// engines are the databases that the service reads, each with who writes one. What is
// written is SQLite's SQL, which the other translates.
var engines = map[string]func(t *testing.T) (location string, w statements){
	"SQLite": func(t *testing.T) (string, statements) {
		path := newDatabase(t, "schema.sql")
		return path, startWriter(t, path)
	},
	"PostgreSQL": func(t *testing.T) (string, statements) {
		schema := postgrestest.NewSchema(t)
		return schema.Reader(), newPostgresWriter(t, schema)
	},
}

// TestEndToEnd runs the real program on a database that another process is
// writing, with real agent processes, and checks the whole envelope against what
// that process and /proc say.
func TestEndToEnd(t *testing.T) {
	t.Parallel()
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endToEnd(t, engine)
		})
	}
}

func endToEnd(t *testing.T, engine func(t *testing.T) (string, statements)) {
	location, w := engine(t)
	busy := startChild(t, "busy", "busy-agent")
	idle := startChild(t, "idle", "idle-agent")
	hostile := startChild(t, "busy", "a) R (b c")
	dead := startChild(t, "idle", "dead-agent")
	require.NoError(t, dead.Process.Kill())
	_ = dead.Wait()

	w.run("BEGIN;")
	for i, stage := range []string{"analysis", "review", "done", "development", "cancelled"} {
		w.run(`INSERT INTO tasks VALUES (%d, 'ORCH-%03d', 'repo-%d', '%s', datetime('now'), datetime('now', '-%d minutes'));`,
			i+1, i, i, stage, 10*i)
	}
	for i, child := range []*exec.Cmd{busy, idle, hostile, dead} {
		w.run(`INSERT INTO agent_runs (id, model, effort, cost_usd, input_tokens) VALUES (%d, 'model-%d', 'high', %d.125, %d);`, i+1, i/2, i, 1000*i)
		w.run(`INSERT INTO jobs (id, task_id, agent, repo, status, attempts, run_id, pid, started_at)
			VALUES (%d, %d, 'developer', 'repo', 'running', %d, %d, %d, datetime('now', '-%d seconds'));`, i+1, i+3, i+1, i+1, child.Process.Pid, 100*i)
	}
	w.run(`INSERT INTO jobs (id, status) VALUES (10, 'running'), (11, 'queued'), (12, 'queued'), (13, 'odd'), (14, 'failed');`)
	w.run(`INSERT INTO agent_runs (id, cost_usd) VALUES (100, 2);`)
	w.run("COMMIT;")

	s := startService(t, []string{"ORCH_DB=" + location, "ORCH_WORKER_STATE_FILE=" + workerFile(t)}, "serve")
	before := ownTicks(t, busy.Process.Pid)
	first := s.metrics(t)
	after := ownTicks(t, busy.Process.Pid)

	generated, err := time.Parse(time.RFC3339, first["generated_at"].(string))
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), generated, time.Minute)
	clkTck, err := exec.CommandContext(t.Context(), "getconf", "CLK_TCK").Output()
	require.NoError(t, err)
	assert.Equal(t, strings.TrimSpace(string(clkTck)), fmt.Sprint(first["clk_tck"]))
	for key, report := range first["sections"].(map[string]any) {
		assert.Equal(t, "ok", report.(map[string]any)["status"], "%s: %v; %s", key, report, s.log)
	}

	// The writer's own view, at the instant of the scrape.
	at := generated.Format(time.DateTime)
	assert.JSONEq(t, w.value(fmt.Sprintf(`SELECT json_group_array(json_object('work_item', work_item_id, 'stage', stage,
		'age_in_stage_s', strftime('%%s','%s') - strftime('%%s', updated_at), 'repo', repo, 'task_id', id))
		FROM (SELECT * FROM tasks WHERE stage NOT IN ('done','cancelled') ORDER BY id) t`, at)), encode(t, first["stages"]))
	assert.JSONEq(t, w.value(`SELECT json_object('queued', count(*) FILTER (WHERE status='queued'), 'running', count(*) FILTER (WHERE status='running'),
		'done', count(*) FILTER (WHERE status='done'), 'failed', count(*) FILTER (WHERE status='failed'),
		'cancelled', count(*) FILTER (WHERE status='cancelled'), 'odd', count(*) FILTER (WHERE status='odd')) FROM jobs`),
		encode(t, at2(first, "queue", "counts")))
	assert.JSONEq(t, `{"retried_jobs":3,"retries_total":6,"max_attempts_seen":4}`, encode(t, at2(first, "queue", "retries")))
	assert.JSONEq(t, w.value(`SELECT json_object('runs', count(*), 'cost_usd', sum(cost_usd), 'input_tokens', sum(input_tokens), 'output_tokens', 0,
		'cache_read_tokens', 0, 'cache_creation_tokens', 0) FROM agent_runs`), encode(t, at2(first, "cost", "aggregate")))
	assert.JSONEq(t, w.value(`SELECT json_group_array(json_object('model', model, 'runs', runs, 'cost_usd', cost, 'input_tokens', tokens, 'output_tokens', 0,
		'cache_read_tokens', 0, 'cache_creation_tokens', 0)) FROM (SELECT model, count(*) runs, coalesce(sum(cost_usd), 0) cost, coalesce(sum(input_tokens), 0) tokens
		FROM agent_runs GROUP BY model ORDER BY cost DESC) t`), encode(t, at2(first, "cost", "by_model")))

	agents := first["agents"].([]any)
	require.Len(t, agents, 5)
	var columns []map[string]any
	for _, agent := range agents {
		columns = append(columns, pick(agent.(map[string]any), "job_id", "run_id", "agent", "repo", "pid", "runtime_s", "model", "effort", "task_id", "work_item"))
	}
	assert.JSONEq(t, w.value(fmt.Sprintf(`SELECT json_group_array(json_object('job_id', j.id, 'run_id', j.run_id, 'agent', j.agent, 'repo', j.repo,
		'pid', j.pid, 'runtime_s', strftime('%%s','%s') - strftime('%%s', j.started_at), 'model', r.model, 'effort', r.effort,
		'task_id', j.task_id, 'work_item', (SELECT work_item_id FROM tasks WHERE id = j.task_id)))
		FROM (SELECT * FROM jobs WHERE status='running' ORDER BY id) j LEFT JOIN agent_runs r ON r.id = j.run_id`, at)), encode(t, columns))
	running := first["cost"].(map[string]any)["running"].([]any)
	require.Len(t, running, 5)
	assert.InDelta(t, 1.125, running[1].(map[string]any)["cost_usd"], 0)
	assert.Equal(t, "model-1", running[2].(map[string]any)["model"])
	assert.Nil(t, running[4].(map[string]any)["cost_usd"], "a run without a row costs nothing that is known")

	// The processes.
	assert.GreaterOrEqual(t, ticksOf(agents[0]), before)
	assert.LessOrEqual(t, ticksOf(agents[0]), after)
	assert.NotNil(t, agents[1].(map[string]any)["cpu_ticks"])
	assert.NotNil(t, agents[2].(map[string]any)["cpu_ticks"], "a comm with spaces and parentheses")
	assert.Nil(t, agents[3].(map[string]any)["cpu_ticks"], "a dead process")
	assert.Equal(t, "gone", agents[3].(map[string]any)["process"].(map[string]any)["status"])
	assert.Nil(t, agents[4].(map[string]any)["process"], "no pid")

	require.Eventually(t, func() bool {
		later := s.metrics(t)["agents"].([]any)
		return ticksOf(later[0]) > ticksOf(agents[0]) && ticksOf(later[2]) > ticksOf(agents[2])
	}, time.Minute, 50*time.Millisecond, "the busy agents' ticks grow")

	// A commit shows in the next scrape.
	w.run(`UPDATE jobs SET status='done' WHERE id=1; UPDATE tasks SET stage='done' WHERE id=1;`)
	second := s.metrics(t)
	assert.Len(t, second["agents"], 4)
	assert.Len(t, second["stages"], 2)
	assert.InDelta(t, 1, second["queue"].(map[string]any)["counts"].(map[string]any)["done"], 0)
	assert.Equal(t, first["instance"], second["instance"])
}

// ownTicks reads utime + stime the plain way: this child's comm has no spaces.
func ownTicks(t *testing.T, pid int) float64 {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	fields := strings.Fields(string(stat))
	utime, err := strconv.ParseFloat(fields[13], 64)
	require.NoError(t, err)
	stime, err := strconv.ParseFloat(fields[14], 64)
	require.NoError(t, err)
	return utime + stime
}

func ticksOf(agent any) float64 {
	ticks, _ := agent.(map[string]any)["cpu_ticks"].(float64)
	return ticks
}

func at2(envelope map[string]any, section, key string) any {
	return envelope[section].(map[string]any)[key]
}

func pick(object map[string]any, keys ...string) map[string]any {
	picked := map[string]any{}
	for _, key := range keys {
		picked[key] = object[key]
	}
	return picked
}

func encode(t *testing.T, value any) string {
	t.Helper()
	encoded, err := json.Marshal(value)
	require.NoError(t, err)
	return string(encoded)
}
