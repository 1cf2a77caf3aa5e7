package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

// newServerProfiled makes a database of scripts, each of which is one transaction, and
// starts the program over a profile, as a role that may read. The writer is the owner.
func newServerProfiled(t *testing.T, profile string, scripts []string, env ...string) (*profiled, *pgx.Conn) {
	t.Helper()
	db := postgrestest.Shared(t).NewDatabase(t)
	owner := db.Writer(t)
	postgrestest.Exec(t, owner, scripts...)
	p := &profiled{t: t, service: startService(t, append(env, "ORCH_PROFILE="+profile, "ORCH_EXACT=true", "ORCH_DB="+db.Reader()), "serve")}
	return p, owner
}

// uuidOf is the nth id of a kind.
func uuidOf(kind, n int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", kind, n) }

// The kinds of ids in these tests.
const (
	companies = iota + 1
	workers
	tickets
	runs
	runtimes
)

// paperclipMigrations are Paperclip's own, in their order.
func paperclipMigrations(t *testing.T) (scripts []string) {
	t.Helper()
	files, _ := filepath.Glob("../.tools/paperclip/package/dist/migrations/*.sql")
	if len(files) == 0 {
		t.Skip("needs the migrations of @paperclipai/db below .tools/paperclip (.ci/run unpacks them by npm pack)")
	}
	slices.Sort(files)
	for _, file := range files {
		script, err := os.ReadFile(file)
		require.NoError(t, err)
		scripts = append(scripts, string(script))
	}
	return scripts
}

// TestProfile_Paperclip: a database that Paperclip's own migrations have made, with real
// processes: all of the envelope is what was written.
func TestProfile_Paperclip(t *testing.T) {
	t.Parallel()
	p, db := newServerProfiled(t, "paperclip", paperclipMigrations(t))
	idle := p.envelope()
	wellRead(t, idle)
	assert.Empty(t, idle.Stages)
	assert.Empty(t, idle.Agents)
	assert.Equal(t, &domain.Retries{}, idle.Queue.Retries)
	assert.Zero(t, *idle.Queue.Depth)

	pid, gone := startChild(t, "busy", "paperclip-agent").Process.Pid, 1<<22-1
	now := time.Now().Truncate(time.Second)
	began, changed := now.Add(-10*time.Minute), now.Add(-20*time.Minute)
	at := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.5Z") }
	id := uuidOf
	postgrestest.Exec(t, db,
		fmt.Sprintf("INSERT INTO companies (id, name, issue_prefix) VALUES ('%s', 'one', 'PAP'), ('%s', 'two', 'TWO')", id(companies, 1), id(companies, 2)),
		fmt.Sprintf(`INSERT INTO agents (id, company_id, name, adapter_config) VALUES
			('%s', '%s', 'coder', '{"model": "claude-opus-4-8", "effort": "high", "env": {"KEY": "a secret"}}'),
			('%s', '%s', 'tester', '{"model": "gpt-5.2-codex", "modelReasoningEffort": "low"}'), ('%s', '%s', 'other', '{}')`,
			id(workers, 1), id(companies, 1), id(workers, 2), id(companies, 1), id(workers, 3), id(companies, 2)))
	issue := func(n, company int, status, hidden string) string {
		return fmt.Sprintf("INSERT INTO issues (id, company_id, title, status, identifier, updated_at, hidden_at) VALUES ('%s', '%s', 'a secret', '%s', 'PAP-%d', '%s', %s)",
			id(tickets, n), id(companies, company), status, n, at(changed), hidden)
	}
	postgrestest.Exec(t, db, issue(1, 1, "in_progress", "NULL"), issue(2, 1, "backlog", "NULL"), issue(3, 2, "blocked", "NULL"), issue(4, 1, "done", "NULL"),
		issue(5, 1, "cancelled", "NULL"), issue(6, 1, "todo", "now()"), issue(7, 2, "custom", "NULL"))
	run := func(n, company, worker int, status string, pid any, context, retryOf string) string {
		return fmt.Sprintf("INSERT INTO heartbeat_runs (id, company_id, agent_id, status, started_at, process_pid, context_snapshot, retry_of_run_id) VALUES ('%s', '%s', '%s', '%s', '%s', %v, '%s', %s)",
			id(runs, n), id(companies, company), id(workers, worker), status, at(began), pid, context, retryOf)
	}
	quoted := func(n int) string { return "'" + id(runs, n) + "'" }
	postgrestest.Exec(t, db,
		run(1, 1, 1, "running", pid, `{"issueId": "`+id(tickets, 1)+`", "prompt": "a secret"}`, "NULL"), run(2, 1, 2, "running", gone, `{"taskId": "no uuid"}`, "NULL"),
		run(3, 2, 3, "running", "NULL", `{}`, "NULL"), run(4, 1, 1, "queued", "NULL", `{}`, "NULL"), run(5, 1, 1, "scheduled_retry", "NULL", `{}`, "NULL"),
		run(6, 1, 1, "failed", 1, `{}`, "NULL"), run(7, 1, 1, "timed_out", 1, `{}`, quoted(6)), run(8, 1, 1, "succeeded", 1, `{}`, quoted(7)),
		run(9, 2, 3, "failed", 1, `{}`, "NULL"), run(10, 2, 3, "cancelled", 1, `{}`, quoted(9)))
	cost := func(run string, model string, cents, input int) string {
		return fmt.Sprintf("INSERT INTO cost_events (company_id, agent_id, heartbeat_run_id, provider, model, cost_cents, input_tokens, cached_input_tokens, output_tokens, occurred_at) VALUES ('%s', '%s', %s, 'p', '%s', %d, %d, 7, 3, now())",
			id(companies, 1), id(workers, 1), run, model, cents, input)
	}
	postgrestest.Exec(t, db, cost(quoted(1), "claude-opus-4-8", 125, 100), cost(quoted(1), "claude-opus-4-8", 50, 10), cost(quoted(6), "gpt-5.2-codex", 25, 1), cost("NULL", "claude-opus-4-8", 1, 0))

	e := p.envelope()
	wellRead(t, e)
	age, runtime := ageOf(e, changed), ageOf(e, began)
	stage := func(n int, stage string) domain.Stage {
		return domain.Stage{TaskRef: new(id(tickets, n)), WorkItem: new(fmt.Sprintf("PAP-%d", n)), Stage: stage, AgeInStageS: age}
	}
	assert.Equal(t, stagesOf(stage(1, "in_progress"), stage(2, "backlog"), stage(3, "blocked"), stage(7, "custom")), e.Stages)
	agent := func(n int, name string, pid *int64) domain.Agent {
		ref := id(runs, n)
		return domain.Agent{JobRef: &ref, RunRef: &ref, Agent: &name, RuntimeS: runtime, PID: pid}
	}
	first, second, third := agent(1, "coder", new(int64(pid))), agent(2, "tester", new(int64(gone))), agent(3, "other", nil)
	first.TaskRef, first.WorkItem, first.Model, first.Effort = new(id(tickets, 1)), new("PAP-1"), new("claude-opus-4-8"), new("high")
	second.Model, second.Effort = new("gpt-5.2-codex"), new("low")
	assert.Equal(t, agentsByNumber(first, second, third), withoutProcess(e.Agents))
	for i, a := range e.Agents {
		switch *a.JobRef {
		case id(runs, 1):
			assert.Equal(t, domain.ProcessOK, a.Process.Status)
			assert.NotNil(t, a.CPUTicks)
			assert.Equal(t, new(1.75), e.Cost.Running[i].CostUSD)
			assert.Equal(t, new(int64(110)), e.Cost.Running[i].InputTokens)
			assert.Equal(t, new(int64(14)), e.Cost.Running[i].CacheReadTokens)
			assert.Nil(t, e.Cost.Running[i].CacheCreationTokens)
		case id(runs, 2):
			assert.Equal(t, &domain.Process{Status: domain.ProcessGone}, a.Process)
			assert.Nil(t, e.Cost.Running[i].CostUSD, "nothing was reported yet")
		default:
			assert.Nil(t, a.Process, "Paperclip has lost it")
		}
	}
	assert.Equal(t, domain.StatusCounts{"queued": 2, "running": 3, "done": 1, "failed": 3, "cancelled": 1}, e.Queue.Counts)
	assert.Equal(t, int64(2), *e.Queue.Depth)
	assert.Equal(t, &domain.Retries{RetriedJobs: 2, RetriesTotal: 3, MaxAttemptsSeen: 3}, e.Queue.Retries)
	assert.Equal(t, &domain.CostTotals{Runs: 10, CostUSD: new(2.01), InputTokens: new(int64(111)), OutputTokens: new(int64(12)), CacheReadTokens: new(int64(28))}, e.Cost.Aggregate)
	require.Len(t, e.Cost.ByModel, 2)
	assert.Equal(t, domain.ModelCost{Model: new("claude-opus-4-8"), CostTotals: domain.CostTotals{
		Runs: 1, CostUSD: new(1.76), InputTokens: new(int64(110)), OutputTokens: new(int64(9)), CacheReadTokens: new(int64(21)),
	}}, e.Cost.ByModel[0])
	_, body := p.service.get(t, "/metrics")
	assert.NotContains(t, string(body), "secret")
}

// TestProfile_Multica: as far as its profile reads it, with a state of a workspace's own,
// and agents on other devices.
func TestProfile_Multica(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("testdata/multica.sql")
	require.NoError(t, err)
	p, db := newServerProfiled(t, "multica", []string{string(script)})
	wellRead(t, p.envelope())

	now := time.Now().Truncate(time.Second)
	began, changed := now.Add(-10*time.Minute), now.Add(-20*time.Minute)
	id := uuidOf
	postgrestest.Exec(t, db,
		fmt.Sprintf("INSERT INTO workspace VALUES ('%s', 'w', 'MUL')", id(companies, 1)),
		fmt.Sprintf("INSERT INTO issue_status (workspace_id, key, category) VALUES ('%[1]s', 'shipped', 'done'), ('%[1]s', 'testing', 'in_progress'), ('%[1]s', 'todo', 'todo')", id(companies, 1)),
		fmt.Sprintf(`INSERT INTO agent VALUES ('%s', 'coder', 'claude-opus-4-8', 'high'), ('%s', 'tester', NULL, NULL)`, id(workers, 1), id(workers, 2)),
		fmt.Sprintf(`INSERT INTO agent_runtime VALUES ('%s', 'x', 'build-1 · 1.2.3'), ('%s', 'y', '')`, id(runtimes, 1), id(runtimes, 2)))
	for n, status := range []string{"todo", "testing", "shipped", "done", "cancelled"} {
		postgrestest.Exec(t, db, fmt.Sprintf("INSERT INTO issue VALUES ('%s', '%s', 'a secret', '%s', %d, '%s')",
			id(tickets, n+1), id(companies, 1), status, n+1, changed.UTC().Format(time.RFC3339)))
	}
	task := func(n, worker, runtime int, status string, attempt int) string {
		return fmt.Sprintf("INSERT INTO agent_task_queue (id, agent_id, issue_id, runtime_id, status, started_at, attempt) VALUES ('%s', '%s', '%s', '%s', '%s', %s, %d)",
			id(runs, n), id(workers, worker), id(tickets, 2), id(runtimes, runtime), status,
			map[bool]string{true: "'" + began.UTC().Format(time.RFC3339) + "'", false: "NULL"}[status == "running"], attempt)
	}
	postgrestest.Exec(t, db, task(1, 1, 1, "running", 1), task(2, 2, 2, "dispatched", 3), task(3, 1, 1, "queued", 1), task(4, 1, 1, "deferred", 1),
		task(5, 1, 1, "waiting_local_directory", 1), task(6, 2, 2, "failed", 1), task(7, 2, 2, "failed", 2), task(8, 1, 1, "completed", 1), task(9, 1, 1, "cancelled", 1))
	usage := func(n int, model, ticks string) string {
		return fmt.Sprintf("INSERT INTO task_usage (task_id, model, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd_ticks) VALUES ('%s', '%s', 100, 10, 5, 1, %s)", id(runs, n), model, ticks)
	}
	postgrestest.Exec(t, db, usage(1, "grok-4", "12500000000"), usage(2, "grok-4", "5000000000"), usage(2, "claude-opus-4-8", "NULL"), usage(8, "grok-4", "2500000000"))

	e := p.envelope()
	wellRead(t, e)
	stage := func(n int, stage string) domain.Stage {
		return domain.Stage{TaskRef: new(id(tickets, n)), WorkItem: new(fmt.Sprintf("MUL-%d", n)), Stage: stage, AgeInStageS: ageOf(e, changed)}
	}
	assert.Equal(t, stagesOf(stage(1, "todo"), stage(2, "testing")), e.Stages)
	agent := func(n int, name string) domain.Agent {
		ref := id(runs, n)
		return domain.Agent{JobRef: &ref, RunRef: &ref, TaskRef: new(id(tickets, 2)), WorkItem: new("MUL-2"), Agent: &name}
	}
	first, second := agent(1, "coder"), agent(2, "tester")
	first.Model, first.Effort, first.Host, first.RuntimeS = new("claude-opus-4-8"), new("high"), new("build-1"), ageOf(e, began)
	assert.Equal(t, agentsByNumber(first, second), e.Agents, "without a pid")
	for _, run := range e.Cost.Running {
		if *run.RunRef == id(runs, 1) {
			assert.Equal(t, new(1.25), run.CostUSD)
		} else {
			assert.Nil(t, run.CostUSD, "one of its models does not say what it cost")
			assert.Equal(t, new(int64(200)), run.InputTokens)
		}
	}
	assert.Equal(t, domain.StatusCounts{"queued": 3, "running": 2, "done": 1, "failed": 2, "cancelled": 1}, e.Queue.Counts)
	assert.Equal(t, int64(3), *e.Queue.Depth)
	assert.Equal(t, &domain.Retries{RetriedJobs: 1, RetriesTotal: 2, MaxAttemptsSeen: 3}, e.Queue.Retries)
	assert.Equal(t, &domain.CostTotals{
		Runs: 9, CostUSD: new(2.0), InputTokens: new(int64(400)), OutputTokens: new(int64(40)), CacheReadTokens: new(int64(20)), CacheCreationTokens: new(int64(4)),
	}, e.Cost.Aggregate)
	require.Len(t, e.Cost.ByModel, 2)
	assert.Equal(t, "grok-4", *e.Cost.ByModel[0].Model)
	assert.Equal(t, int64(3), e.Cost.ByModel[0].Runs)

	postgrestest.Exec(t, db, "BEGIN", "LOCK TABLE task_usage")
	e = p.envelope()
	assert.Equal(t, domain.CodeDBBusy, *e.Sections["agents"].Code)
	assert.Equal(t, domain.StatusOK, e.Sections["stages"].Status, "one blocked table costs its own queries")
	assert.Len(t, e.Stages, 2)
	postgrestest.Exec(t, db, "COMMIT")
	wellRead(t, p.envelope())
}
