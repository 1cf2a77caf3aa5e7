package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// TestProfile_Hermes: a board in Hermes' own shape, with real workers, and its costs,
// both written by other processes in WAL mode: all of the envelope is what was written.
func TestProfile_Hermes(t *testing.T) {
	t.Parallel()
	p, writers := newProfiled(t, "hermes", map[string]string{"kanban.db": "hermes.sql", "state.db": "hermes_usage.sql"}, "kanban.db",
		"ORCH_HOST=Build-3.example.org", "ORCH_EXACT=true")
	board, usage := writers["kanban.db"], writers["state.db"]
	idle := p.envelope()
	wellRead(t, idle)
	assert.Empty(t, idle.Stages)
	assert.Empty(t, idle.Agents)
	assert.Equal(t, domain.StatusCounts{"queued": 0, "running": 0, "done": 0, "failed": 0, "cancelled": 0}, idle.Queue.Counts)
	assert.Equal(t, &domain.Retries{}, idle.Queue.Retries)
	zeros := &domain.CostTotals{CostUSD: new(0.0), InputTokens: new(int64(0)), OutputTokens: new(int64(0)), CacheReadTokens: new(int64(0)), CacheCreationTokens: new(int64(0))}
	assert.Equal(t, zeros, idle.Cost.Aggregate)

	worker, gone := startChild(t, "busy", "hermes-worker").Process.Pid, 1<<22+7
	now := time.Now().Truncate(time.Second)
	ago := func(seconds int) int64 { return now.Unix() - int64(seconds) }
	board.run("%s", fmt.Sprintf(`INSERT INTO tasks (id, title, status, assignee, created_at, claim_lock, worker_pid, model_override, reasoning_effort) VALUES
		('t_00000001', 'a secret title', 'running', 'coder', %[1]d, 'build-3:77', %[2]d, 'claude-opus-4-8', 'high'),
		('t_00000002', '', 'running', 'reviewer', %[1]d, 'build-3.example.org:77', %[3]d, NULL, NULL),
		('t_00000003', '', 'running', 'tester', %[1]d, 'other.example.org:9', %[2]d, NULL, NULL),
		('t_00000004', '', 'ready', NULL, %[1]d, NULL, NULL, NULL, NULL),
		('t_00000005', '', 'todo', NULL, %[1]d, NULL, NULL, NULL, NULL),
		('t_00000006', '', 'scheduled', NULL, %[1]d, NULL, NULL, NULL, NULL),
		('t_00000007', '', 'triage', NULL, %[1]d, NULL, NULL, NULL, NULL),
		('t_00000008', '', 'blocked', NULL, %[1]d, NULL, NULL, NULL, NULL),
		('t_00000009', '', 'review', NULL, %[1]d, NULL, NULL, NULL, NULL),
		('t_0000000a', '', 'done', NULL, %[1]d, NULL, NULL, NULL, NULL),
		('t_0000000b', '', 'archived', NULL, %[1]d, NULL, NULL, NULL, NULL);`, ago(9000), worker, gone))
	board.run("%s", fmt.Sprintf(`INSERT INTO task_events (task_id, run_id, kind, created_at, payload) VALUES
		('t_00000001', NULL, 'created', %d, 'secret'), ('t_00000001', 1, 'claimed', %d, NULL), ('t_00000001', 1, 'heartbeat', %d, NULL),
		('t_00000008', 1, 'blocked', %d, NULL), ('t_00000008', NULL, 'commented', %d, NULL);`, ago(9000), ago(600), ago(5), ago(1200), ago(3)))
	board.run("%s", fmt.Sprintf(`INSERT INTO task_runs (id, task_id, profile, status, claim_lock, worker_pid, started_at, ended_at) VALUES
		(1, 't_00000001', 'coder', 'crashed', 'build-3:70', 1, %[1]d, %[1]d),
		(2, 't_00000001', 'coder', 'running', 'build-3:77', %[2]d, %[3]d, NULL),
		(3, 't_00000002', NULL, 'running', 'build-3.example.org:77', %[4]d, %[3]d, NULL),
		(4, 't_00000003', 'tester', 'running', 'other.example.org:9', %[2]d, %[3]d, NULL),
		(5, 't_0000000b', 'old', 'running', NULL, NULL, %[3]d, NULL),
		(6, 't_0000000a', 'coder', 'done', NULL, NULL, %[1]d, %[1]d), (7, 't_0000000a', 'coder', 'failed', NULL, NULL, %[1]d, %[1]d),
		(8, 't_0000000a', 'coder', 'timed_out', NULL, NULL, %[1]d, %[1]d);`, ago(9000), worker, ago(600), gone))
	usage.run("%s", fmt.Sprintf(`INSERT INTO sessions (id, model, started_at, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, estimated_cost_usd, actual_cost_usd) VALUES
		('s1', 'claude-opus-4-8', %d.5, 100, 10, 1000, 50, 0.75, NULL), ('s2', 'claude-opus-4-8', %d, 200, 20, NULL, NULL, 9.75, 1.5), ('s3', NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL);`,
		ago(600), ago(600)))

	e := p.envelope()
	wellRead(t, e)
	stage := func(ref, stage string, seconds int) domain.Stage {
		return domain.Stage{TaskRef: &ref, WorkItem: &ref, Stage: stage, AgeInStageS: ageOf(e, now.Add(-time.Duration(seconds)*time.Second))}
	}
	assert.Equal(t, stagesOf(
		stage("t_00000001", "running", 600), stage("t_00000002", "running", 9000), stage("t_00000003", "running", 9000), stage("t_00000004", "ready", 9000),
		stage("t_00000005", "todo", 9000), stage("t_00000006", "scheduled", 9000), stage("t_00000007", "triage", 9000),
		stage("t_00000008", "blocked", 1200), stage("t_00000009", "review", 9000),
	), e.Stages)
	agent := func(run int64, role *string, task string, pid *int, host *string) domain.Agent {
		a := domain.Agent{JobID: run, RunID: &run, Agent: role, TaskRef: &task, TaskID: new(numberOf(task)), WorkItem: &task, Host: host, RuntimeS: ageOf(e, now.Add(-10*time.Minute))}
		if pid != nil {
			a.PID = new(int64(*pid))
		}
		return a
	}
	first := agent(2, new("coder"), "t_00000001", &worker, new("build-3"))
	first.Model, first.Effort = new("claude-opus-4-8"), new("high")
	assert.Equal(t, []domain.Agent{
		first, agent(3, new("reviewer"), "t_00000002", &gone, new("build-3.example.org")),
		agent(4, new("tester"), "t_00000003", &worker, new("other.example.org")), agent(5, new("old"), "t_0000000b", nil, nil),
	}, withoutProcess(e.Agents))
	require.NotNil(t, e.Agents[0].Process)
	assert.Equal(t, domain.ProcessOK, e.Agents[0].Process.Status)
	assert.NotNil(t, e.Agents[0].CPUTicks)
	assert.NotNil(t, e.Agents[0].Process.StartTicks)
	assert.InDelta(t, 600, *e.Agents[0].Process.StartedAfterJobS, 60, "the worker was started now, its run says ten minutes ago")
	assert.Equal(t, &domain.Process{Status: domain.ProcessGone}, e.Agents[1].Process)
	assert.Equal(t, &domain.Process{Status: domain.ProcessRemote}, e.Agents[2].Process, "the same pid, on another host")
	assert.Nil(t, e.Agents[2].CPUTicks)
	assert.Nil(t, e.Agents[3].Process)

	assert.Equal(t, domain.StatusCounts{"queued": 3, "running": 4, "done": 2, "failed": 0, "cancelled": 0, "triage": 1, "blocked": 1, "review": 1}, e.Queue.Counts)
	assert.Equal(t, int64(3), *e.Queue.Depth)
	assert.Equal(t, &domain.Retries{RetriedJobs: 2, RetriesTotal: 3, MaxAttemptsSeen: 3}, e.Queue.Retries)
	assert.Equal(t, &domain.CostTotals{
		Runs: 3, CostUSD: new(2.25), InputTokens: new(int64(300)), OutputTokens: new(int64(30)), CacheReadTokens: new(int64(1000)), CacheCreationTokens: new(int64(50)),
	}, e.Cost.Aggregate)
	assert.Equal(t, []domain.ModelCost{
		{Model: new("claude-opus-4-8"), CostTotals: domain.CostTotals{
			Runs: 2, CostUSD: new(2.25), InputTokens: new(int64(300)), OutputTokens: new(int64(30)), CacheReadTokens: new(int64(1000)), CacheCreationTokens: new(int64(50)),
		}},
		{CostTotals: domain.CostTotals{
			Runs: 1, CostUSD: zeros.CostUSD, InputTokens: zeros.InputTokens, OutputTokens: zeros.OutputTokens,
			CacheReadTokens: zeros.CacheReadTokens, CacheCreationTokens: zeros.CacheCreationTokens,
		}},
	}, e.Cost.ByModel)
	require.Len(t, e.Cost.Running, 4)
	for i, run := range e.Cost.Running {
		a := e.Agents[i] // of what it costs nothing is known: a session does not say of which run it is
		assert.Equal(t, domain.RunningCost{JobID: a.JobID, RunID: a.RunID, Agent: a.Agent, Model: a.Model}, run)
	}
	_, body := p.service.get(t, "/metrics")
	assert.NotContains(t, string(body), "secret")

	oddCells(t, p, board, usage)
}

// oddCells puts what does not belong there into each column that the profile reads, and
// expects the rest to be as it was.
func oddCells(t *testing.T, p *profiled, board, usage *writer) {
	t.Helper()
	before := p.envelope()
	for _, odd := range []string{"NULL", "''", "'odd'", "x'00ff'", "-1", "1.5", "9e999", "CAST(zeroblob(70000) AS TEXT)"} {
		for _, column := range []string{"profile", "claim_lock", "worker_pid", "started_at"} {
			board.run("%s", fmt.Sprintf("CREATE TABLE kept AS SELECT %[1]s AS was FROM task_runs WHERE id = 2; UPDATE OR IGNORE task_runs SET %[1]s = %[2]s WHERE id = 2;", column, odd))
			e := p.envelope()
			assert.Len(t, e.Agents, 4, "%s = %s", column, odd)
			assert.Equal(t, before.Agents[1:], append([]domain.Agent{}, withTicksOf(e.Agents[1:], before.Agents[1:])...), "%s = %s", column, odd)
			assert.Equal(t, before.Queue.Counts, e.Queue.Counts)
			board.run("%s", fmt.Sprintf("UPDATE task_runs SET %[1]s = (SELECT was FROM kept) WHERE id = 2; DROP TABLE kept;", column))
		}
		for _, column := range []string{"input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "estimated_cost_usd", "model"} {
			usage.run("%s", fmt.Sprintf("CREATE TABLE kept AS SELECT %[1]s AS was FROM sessions WHERE id = 's1'; UPDATE sessions SET %[1]s = %[2]s WHERE id = 's1';", column, odd))
			e := p.envelope()
			require.NotNil(t, e.Cost.Aggregate, "%s = %s", column, odd)
			assert.Equal(t, int64(3), e.Cost.Aggregate.Runs)
			if report := e.Sections["cost"]; report.Status == domain.StatusOK {
				number := odd == "NULL" || odd == "-1" || odd == "1.5" && column == "estimated_cost_usd" || column == "model"
				assert.True(t, number, "%s = %s is left out, and it is told", column, odd)
			} else {
				assert.Equal(t, domain.CodeUnreadableCells, *report.Code)
				assert.Positive(t, report.Anomalies)
			}
			usage.run("%s", fmt.Sprintf("UPDATE sessions SET %[1]s = (SELECT was FROM kept) WHERE id = 's1'; DROP TABLE kept;", column))
		}
	}
	wellRead(t, p.envelope())
}

// withTicksOf are agents with the ages and samples of others: they go on meanwhile.
func withTicksOf(agents, of []domain.Agent) []domain.Agent {
	for i := range agents {
		agents[i].RuntimeS, agents[i].CPUTicks, agents[i].Process = of[i].RuntimeS, of[i].CPUTicks, of[i].Process
	}
	return agents
}

// TestProfile_HermesBoards: another board has no costs beside it, which are those of all
// boards; that degrades nothing.
func TestProfile_HermesBoards(t *testing.T) {
	t.Parallel()
	p, _ := newProfiled(t, "hermes", map[string]string{"kanban.db": "hermes.sql"}, "kanban.db")
	e := p.envelope()
	wellRead(t, e)
	assert.Nil(t, e.Cost.Aggregate)
	assert.NotNil(t, e.Queue.Retries)
}

// TestProfile_LooksLike: the doctor tells of whom a database is.
func TestProfile_LooksLike(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("testdata/hermes.sql")
	require.NoError(t, err)
	db := filepath.Join(t.TempDir(), "kanban.db")
	startWriter(t, db).run("%s", script)
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "ORCH_LISTEN=127.0.0.1:0", "ORCH_DB=" + db}
	_, out, _ := command(t, env, "doctor")
	assert.Contains(t, out, "set ORCH_PROFILE=hermes")
	_, out, _ = command(t, append(env, "ORCH_PROFILE=hermes"), "doctor")
	assert.Contains(t, out, "the profile's 7 queries run")
	status, out, _ := command(t, append(env, "ORCH_PROFILE=hermes"), "profiles", "check")
	assert.Zero(t, status, out)
	other := newDatabase(t, "schema.sql")
	status, out, _ = command(t, append(env, "ORCH_PROFILE=hermes", "ORCH_DB="+other), "doctor")
	assert.Equal(t, 2, status)
	assert.Contains(t, out, "queries cannot be run")
}
