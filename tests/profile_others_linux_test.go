package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// agentsByNumber are agents of which the own ids are texts, in the order of the answer.
func agentsByNumber(agents ...domain.Agent) []domain.Agent {
	for i := range agents {
		a := &agents[i]
		if a.JobRef != nil {
			a.JobID = numberOf(*a.JobRef)
		}
		if a.RunRef != nil {
			a.RunID = new(numberOf(*a.RunRef))
		}
		if a.TaskRef != nil {
			a.TaskID = new(numberOf(*a.TaskRef))
		}
	}
	for i := range agents {
		for j := i; j > 0 && agents[j].JobID < agents[j-1].JobID; j-- {
			agents[j], agents[j-1] = agents[j-1], agents[j]
		}
	}
	return agents
}

// TestProfile_MissionControl: two encodings of time in one file, runs that are texts and
// tasks that are numbers, and what each run costs while it runs.
func TestProfile_MissionControl(t *testing.T) {
	t.Parallel()
	p, writers := newProfiled(t, "mission-control", map[string]string{"mission-control.db": "mission-control.sql"}, "mission-control.db", "ORCH_EXACT=true")
	db := writers["mission-control.db"]
	wellRead(t, p.envelope())
	now := time.Now().Truncate(time.Second)
	db.run("%s", fmt.Sprintf(`INSERT INTO tasks (id, title, status, project_ticket_no, github_repo, updated_at, retry_count) VALUES
		(1, 'secret', 'in_progress', 68, 'acme/web', %[1]d, 2), (2, '', 'inbox', NULL, NULL, %[1]d, 0), (3, '', 'assigned', 7, NULL, %[1]d, 0),
		(4, '', 'review', NULL, NULL, %[1]d, 1), (5, '', 'done', NULL, NULL, %[1]d, 0), (6, '', 'failed', NULL, NULL, %[1]d, 3), (7, '', 'awaiting_owner', NULL, NULL, %[1]d, 0);
		INSERT INTO runs (id, agent_id, agent_name, model, task_id, status, started_at, cost_input_tokens, cost_output_tokens, cost_cache_read_tokens, cost_cache_write_tokens, cost_usd) VALUES
		('run-a', 'a1', 'Coder', 'claude-opus-4-8', '1', 'running', '%[2]s', 10, 20, 30, 40, 0.5),
		('run-b', 'a2', NULL, NULL, '1abc', 'running', NULL, NULL, NULL, NULL, NULL, NULL),
		('run-c', 'a1', 'Coder', 'claude-opus-4-8', '5', 'completed', '2026-06-01T12:00:00.123Z', 1, 2, 3, 4, 1.25),
		('run-d', 'a1', 'Coder', 'gpt', NULL, 'pending', NULL, NULL, NULL, NULL, NULL, NULL);`,
		now.Unix()-300, now.Add(-10*time.Minute).UTC().Format("2006-01-02T15:04:05.000Z07:00")))
	e := p.envelope()
	wellRead(t, e)
	age := ageOf(e, now.Add(-5*time.Minute))
	assert.Equal(t, []domain.Stage{
		{TaskID: 1, Stage: "in_progress", WorkItem: new("68"), Repo: new("acme/web"), AgeInStageS: age},
		{TaskID: 2, Stage: "inbox", AgeInStageS: age},
		{TaskID: 3, Stage: "assigned", WorkItem: new("7"), AgeInStageS: age},
		{TaskID: 4, Stage: "review", AgeInStageS: age},
		{TaskID: 7, Stage: "awaiting_owner", AgeInStageS: age},
	}, e.Stages)
	assert.Equal(t, agentsByNumber(
		domain.Agent{
			JobRef: new("run-a"), RunRef: new("run-a"), TaskID: new(int64(1)), WorkItem: new("68"), Agent: new("Coder"), Repo: new("acme/web"),
			Model: new("claude-opus-4-8"), RuntimeS: ageOf(e, now.Add(-10*time.Minute)),
		},
		domain.Agent{JobRef: new("run-b"), RunRef: new("run-b"), Agent: new("a2")},
	), e.Agents)
	assert.Equal(t, domain.StatusCounts{"queued": 2, "running": 2, "done": 1, "failed": 1, "cancelled": 0, "review": 1, "awaiting_owner": 1}, e.Queue.Counts)
	assert.Equal(t, &domain.Retries{RetriedJobs: 3, RetriesTotal: 6, MaxAttemptsSeen: 4}, e.Queue.Retries)
	assert.Equal(t, &domain.CostTotals{
		Runs: 4, CostUSD: new(1.75), InputTokens: new(int64(11)), OutputTokens: new(int64(22)), CacheReadTokens: new(int64(33)), CacheCreationTokens: new(int64(44)),
	}, e.Cost.Aggregate)
	require.Len(t, e.Cost.ByModel, 3)
	assert.Equal(t, "claude-opus-4-8", *e.Cost.ByModel[0].Model)
	for _, run := range e.Cost.Running {
		if *run.RunRef == "run-a" {
			assert.Equal(t, [2]any{0.5, int64(40)}, [2]any{*run.CostUSD, *run.CacheCreationTokens})
		} else {
			assert.Nil(t, run.CostUSD)
		}
	}
	for _, odd := range []string{"'odd'", "x'00ff'", "9e999"} {
		db.run("UPDATE runs SET cost_usd = %s, started_at = %s WHERE id = 'run-a'; UPDATE tasks SET updated_at = %s WHERE id = 2;", odd, odd, odd)
		e := p.envelope()
		assert.Len(t, e.Agents, 2, odd)
		assert.Len(t, e.Stages, 5, odd)
		assert.Equal(t, domain.CodeUnreadableCells, *e.Sections["cost"].Code, odd)
		assert.Positive(t, e.Sections["stages"].Anomalies, odd)
	}
}

// openClawRows are tasks of OpenClaw, whose table is STRICT.
func openClawRows(now time.Time) string {
	ms := now.UnixMilli()
	return fmt.Sprintf(`INSERT INTO task_runs (task_id, runtime, owner_key, scope_kind, task, delivery_status, notify_policy, agent_id, run_id, status, created_at, started_at) VALUES
		('task-1', 'r', 'o', 's', 'a secret prompt', 'd', 'n', 'main', 'run-1', 'running', %[1]d, %[2]d),
		('task-2', 'r', 'o', 's', '', 'd', 'n', NULL, NULL, 'running', %[1]d, NULL), ('task-3', 'r', 'o', 's', '', 'd', 'n', NULL, NULL, 'queued', %[1]d, NULL),
		('task-4', 'r', 'o', 's', '', 'd', 'n', NULL, NULL, 'succeeded', %[1]d, NULL), ('task-5', 'r', 'o', 's', '', 'd', 'n', NULL, NULL, 'failed', %[1]d, NULL),
		('task-6', 'r', 'o', 's', '', 'd', 'n', NULL, NULL, 'timed_out', %[1]d, NULL), ('task-7', 'r', 'o', 's', '', 'd', 'n', NULL, NULL, 'lost', %[1]d, NULL),
		('task-8', 'r', 'o', 's', '', 'd', 'n', NULL, NULL, 'cancelled', %[1]d, NULL);`, ms-900_000, ms-600_000)
}

// openClawShown expects all of the envelope to be what openClawRows wrote.
func openClawShown(t *testing.T, p *profiled, now time.Time) {
	t.Helper()
	e := p.envelope()
	wellRead(t, e)
	stage := func(ref, stage string, ago time.Duration) domain.Stage {
		return domain.Stage{TaskRef: &ref, Stage: stage, AgeInStageS: ageOf(e, now.Add(-ago))}
	}
	assert.Equal(t, stagesOf(stage("task-1", "running", 10*time.Minute), stage("task-2", "running", 15*time.Minute), stage("task-3", "queued", 15*time.Minute)), e.Stages)
	assert.Equal(t, agentsByNumber(
		domain.Agent{JobRef: new("task-1"), RunRef: new("run-1"), TaskRef: new("task-1"), Agent: new("main"), RuntimeS: ageOf(e, now.Add(-10*time.Minute))},
		domain.Agent{JobRef: new("task-2"), TaskRef: new("task-2")},
	), e.Agents)
	assert.Equal(t, domain.StatusCounts{"queued": 1, "running": 2, "done": 1, "failed": 3, "cancelled": 1}, e.Queue.Counts)
	assert.Nil(t, e.Queue.Retries, "it keeps no attempts")
	assert.Nil(t, e.Cost.Aggregate, "nor costs")
	_, body := p.service.get(t, "/metrics")
	assert.NotContains(t, string(body), "secret")
}

func TestProfile_OpenClaw(t *testing.T) {
	t.Parallel()
	p, writers := newProfiled(t, "openclaw", map[string]string{"openclaw.sqlite": "openclaw.sql"}, "openclaw.sqlite", "ORCH_EXACT=true")
	wellRead(t, p.envelope())
	now := time.Now().Truncate(time.Second)
	writers["openclaw.sqlite"].run("%s", openClawRows(now))
	openClawShown(t, p, now)
}

// TestProfile_OpenClawReal: a database that the statements of OpenClaw's own package
// make. Its program needs a newer Node.js than most have; its schema does not.
func TestProfile_OpenClawReal(t *testing.T) {
	t.Parallel()
	modules, _ := filepath.Glob("../.tools/openclaw/package/dist/openclaw-state-db*")
	if len(modules) == 0 {
		t.Skip("needs OpenClaw's package below .tools/openclaw (.ci/run unpacks it by npm pack)")
	}
	var schema string
	literal := regexp.MustCompile(`OPENCLAW_STATE_SCHEMA_SQL = ("(?:[^"\\]|\\.)*")`)
	for _, module := range modules {
		text, err := os.ReadFile(module)
		require.NoError(t, err)
		if found := literal.FindSubmatch(text); found != nil {
			schema, err = strconv.Unquote(string(found[1]))
			require.NoError(t, err)
		}
	}
	require.Contains(t, schema, "CREATE TABLE IF NOT EXISTS task_runs")
	db := filepath.Join(t.TempDir(), "openclaw.sqlite")
	w := startWriter(t, db)
	w.run("%s", schema)
	p := &profiled{t: t, service: startService(t, []string{"ORCH_PROFILE=openclaw", "ORCH_DB=" + db, "ORCH_EXACT=true"}, "serve")}
	now := time.Now().Truncate(time.Second)
	w.run("%s", openClawRows(now))
	openClawShown(t, p, now)
}

// TestProfile_Kandev: timestamps with a fraction and an offset, costs in subcents, and a
// pid that is not of this host and never looked up.
func TestProfile_Kandev(t *testing.T) {
	t.Parallel()
	p, writers := newProfiled(t, "kandev", map[string]string{"kandev.db": "kandev.sql"}, "kandev.db", "ORCH_EXACT=true")
	db := writers["kandev.db"]
	wellRead(t, p.envelope())
	now := time.Now().Truncate(time.Second)
	at := func(ago time.Duration) string {
		return now.Add(-ago).In(time.FixedZone("", 7200)).Format("2006-01-02 15:04:05.000000-07:00")
	}
	db.run("%s", fmt.Sprintf(`INSERT INTO tasks (id, title, state, archived_at, created_at, updated_at) VALUES
		('k1', 'secret', 'IN_PROGRESS', NULL, '%[1]s', '%[1]s'), ('k2', '', 'TODO', NULL, '%[1]s', '%[1]s'), ('k3', '', 'REVIEW', '%[1]s', '%[1]s', '%[1]s'),
		('k4', '', 'COMPLETED', NULL, '%[1]s', '%[1]s');
		INSERT INTO task_sessions (id, task_id, agent_profile_id, state, started_at, cost_subcents, tokens_in, tokens_out, tokens_cached_in) VALUES
		('s1', 'k1', 'claude', 'RUNNING', '%[2]s', 12500, 100, 10, 1000), ('s2', 'k1', 'codex', 'WAITING_FOR_INPUT', '%[2]s', 0, 0, 0, 0),
		('s3', 'k2', 'codex', 'STARTING', '%[2]s', 0, 0, 0, 0), ('s4', 'k4', 'claude', 'COMPLETED', '%[2]s', 5000, 1, 2, 3), ('s5', 'k4', 'claude', 'CANCELLED', '%[2]s', 0, 0, 0, 0);
		INSERT INTO runs VALUES ('r1', 'finished', 0), ('r2', 'failed', 2), ('r3', 'queued', 1);
		INSERT INTO executors_running VALUES ('e', 's1', 1, %[3]d);`, at(20*time.Minute), at(10*time.Minute), os.Getpid()))
	e := p.envelope()
	wellRead(t, e)
	age := ageOf(e, now.Add(-20*time.Minute))
	assert.Equal(t, stagesOf(domain.Stage{TaskRef: new("k1"), Stage: "IN_PROGRESS", AgeInStageS: age}, domain.Stage{TaskRef: new("k2"), Stage: "TODO", AgeInStageS: age}), e.Stages)
	runtime := ageOf(e, now.Add(-10*time.Minute))
	assert.Equal(t, agentsByNumber(
		domain.Agent{JobRef: new("s1"), RunRef: new("s1"), TaskRef: new("k1"), Agent: new("claude"), RuntimeS: runtime},
		domain.Agent{JobRef: new("s2"), RunRef: new("s2"), TaskRef: new("k1"), Agent: new("codex"), RuntimeS: runtime},
	), e.Agents, "without a pid")
	assert.Equal(t, domain.StatusCounts{"queued": 1, "running": 2, "done": 1, "failed": 0, "cancelled": 1}, e.Queue.Counts)
	assert.Equal(t, &domain.Retries{RetriedJobs: 2, RetriesTotal: 3, MaxAttemptsSeen: 3}, e.Queue.Retries)
	assert.Equal(t, &domain.CostTotals{
		Runs: 5, CostUSD: new(1.75), InputTokens: new(int64(101)), OutputTokens: new(int64(12)), CacheReadTokens: new(int64(1003)),
	}, e.Cost.Aggregate)
	for _, run := range e.Cost.Running {
		if *run.RunRef == "s1" {
			assert.InEpsilon(t, 1.25, *run.CostUSD, 1e-9)
		}
	}
	for _, odd := range []string{"'odd'", "x'00ff'", "1.5"} {
		db.run("UPDATE task_sessions SET tokens_in = %s, started_at = %s WHERE id = 's1';", odd, odd)
		e := p.envelope()
		assert.Len(t, e.Agents, 2, odd)
		assert.Equal(t, domain.CodeUnreadableCells, *e.Sections["cost"].Code, odd)
	}
}
