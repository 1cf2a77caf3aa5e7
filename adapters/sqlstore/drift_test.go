package sqlstore

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// result is what came of one source: its value as any.
type result struct {
	value     any
	anomalies int64
	err       error
}

func of[T any](reading ports.Reading[T], err error) result {
	return result{reading.Value, reading.Anomalies, err}
}

// results asks every source, in one view.
func results(t *testing.T, s *Store) map[string]result {
	t.Helper()
	return resultsIn(t.Context(), s)
}

func resultsIn(ctx context.Context, s *Store) map[string]result {
	ctx, end := s.View(ctx)
	defer end()
	return map[string]result{
		"stages":  of(s.ActiveTasks(ctx)),
		"counts":  of(s.StatusCounts(ctx)),
		"retries": of(s.Retries(ctx)),
		"agents":  of(s.RunningJobs(ctx)),
		"cost":    of(s.CostTotals(ctx)),
	}
}

// requireOthersEqual expects all but some sources to say what they say of the
// intact database.
func requireOthersEqual(t *testing.T, want, got map[string]result, affected ...string) {
	t.Helper()
	for name := range want {
		if !slices.Contains(affected, name) {
			require.NoError(t, got[name].err, name)
			require.Equal(t, want[name], got[name], name)
		}
	}
}

// withoutTickets are the results of a database whose jobs lead to no work item, which
// is no fault of theirs.
func withoutTickets(all map[string]result) map[string]result {
	all = maps.Clone(all)
	agents := all["agents"]
	jobs := slices.Clone(agents.value.([]domain.RunningJob))
	for i := range jobs {
		jobs[i].WorkItem = nil
	}
	agents.value = jobs
	all["agents"] = agents
	return all
}

func byName(a, b domain.ModelCost) int {
	names := [2]string{}
	for i, m := range []domain.ModelCost{a, b} {
		if m.Model != nil {
			names[i] = *m.Model
		}
	}
	return strings.Compare(names[0], names[1])
}

func TestMissingTableFailsItsSourcesAlone(t *testing.T) {
	t.Parallel()
	want := results(t, newStore(t, newDB(t, walMode, script(t, "busy.sql"))))
	for table, sources := range map[string][]string{
		"tasks": {"stages"}, "jobs": {"counts", "retries", "agents"}, "agent_runs": {"cost", "agents"},
	} {
		got := results(t, newStore(t, newDB(t, walMode, script(t, "busy.sql"), "DROP TABLE "+table)))
		want := want
		if table == "tasks" {
			want = withoutTickets(want)
		}
		requireOthersEqual(t, want, got, sources...)
		for _, source := range sources {
			require.ErrorIs(t, got[source].err, domain.CodeSchemaDrift, "%s without %s", source, table)
			if table == "agent_runs" && source == "agents" {
				continue // see below
			}
			assert.Empty(t, got[source].value, "%s without %s", source, table)
		}
	}
}

func TestMissingRequiredColumnFailsItsSourcesAlone(t *testing.T) {
	t.Parallel()
	want := results(t, newStore(t, newDB(t, walMode, script(t, "busy.sql"))))
	for _, c := range []struct {
		table, column string
		sources       []string
	}{
		{"tasks", "id", []string{"stages"}},
		{"tasks", "stage", []string{"stages"}},
		{"jobs", "id", []string{"agents"}},
		{"jobs", "status", []string{"counts", "agents"}},
	} {
		got := results(t, newStore(t, newDB(t, walMode, script(t, "busy.sql"), "ALTER TABLE "+c.table+" RENAME COLUMN "+c.column+" TO other")))
		want := want
		if c.table == "tasks" && c.column == "id" {
			want = withoutTickets(want)
		}
		requireOthersEqual(t, want, got, c.sources...)
		for _, source := range c.sources {
			require.ErrorIs(t, got[source].err, domain.CodeSchemaDrift, "%s without %s.%s", source, c.table, c.column)
			assert.Empty(t, got[source].value)
		}
	}
}

// TestJobsWithoutRuns: the jobs are what their source is about; without the table
// of runs, or its key, they are still listed.
func TestJobsWithoutRuns(t *testing.T) {
	t.Parallel()
	for _, change := range []string{"DROP TABLE agent_runs", "ALTER TABLE agent_runs RENAME COLUMN id TO other"} {
		got, err := newStore(t, newDB(t, walMode, script(t, "busy.sql"), change)).RunningJobs(t.Context())
		require.ErrorIs(t, err, domain.CodeSchemaDrift, change)
		assert.Equal(t, []int64{11, 15, 16, 21}, idsOf(got.Value, func(j domain.RunningJob) int64 { return j.ID }), change)
		assert.Equal(t, new(int64(4711)), got.Value[3].PID)
		assert.Nil(t, got.Value[3].Model)
	}
}

// optional are the columns without which a source goes on, and how it clears what
// then is nil.
func optional() map[string]func(want any) {
	tasks := func(forget func(*domain.Task)) func(any) {
		return func(want any) {
			for i := range want.([]domain.Task) {
				forget(&want.([]domain.Task)[i])
			}
		}
	}
	jobs := func(forget func(*domain.RunningJob)) func(any) {
		return func(want any) {
			for i := range want.([]domain.RunningJob) {
				forget(&want.([]domain.RunningJob)[i])
			}
		}
	}
	totals := func(forget func(*domain.CostTotals)) func(any) {
		return func(want any) {
			costs := want.(*domain.RunCosts)
			forget(&costs.CostTotals)
			for i := range costs.ByModel {
				forget(&costs.ByModel[i].CostTotals)
			}
		}
	}
	return map[string]func(any){
		"stages tasks.work_item_id": tasks(func(t *domain.Task) { t.WorkItem = nil }),
		"stages tasks.repo":         tasks(func(t *domain.Task) { t.Repo = nil }),
		"stages tasks.updated_at":   tasks(func(t *domain.Task) { t.StageSince = nil }),
		"agents jobs.repo":          jobs(func(j *domain.RunningJob) { j.Repo = nil }),
		"agents jobs.agent":         jobs(func(j *domain.RunningJob) { j.Agent = nil }),
		"agents jobs.pid":           jobs(func(j *domain.RunningJob) { j.PID = nil }),
		"agents jobs.started_at":    jobs(func(j *domain.RunningJob) { j.StartedAt = nil }),
		"agents jobs.run_id": jobs(func(j *domain.RunningJob) {
			*j = domain.RunningJob{
				ID: j.ID, Agent: j.Agent, Repo: j.Repo, PID: j.PID, StartedAt: j.StartedAt, TaskID: j.TaskID, WorkItem: j.WorkItem,
			}
		}),
		"agents agent_runs.model":                 jobs(func(j *domain.RunningJob) { j.Model = nil }),
		"agents agent_runs.effort":                jobs(func(j *domain.RunningJob) { j.Effort = nil }),
		"agents agent_runs.cost_usd":              jobs(func(j *domain.RunningJob) { j.CostUSD = nil }),
		"agents agent_runs.input_tokens":          jobs(func(j *domain.RunningJob) { j.InputTokens = nil }),
		"agents agent_runs.output_tokens":         jobs(func(j *domain.RunningJob) { j.OutputTokens = nil }),
		"agents agent_runs.cache_read_tokens":     jobs(func(j *domain.RunningJob) { j.CacheReadTokens = nil }),
		"agents agent_runs.cache_creation_tokens": jobs(func(j *domain.RunningJob) { j.CacheCreationTokens = nil }),
		"cost agent_runs.model":                   func(want any) { want.(*domain.RunCosts).ByModel = nil },
		"cost agent_runs.cost_usd":                totals(func(c *domain.CostTotals) { c.CostUSD = nil }),
		"cost agent_runs.input_tokens":            totals(func(c *domain.CostTotals) { c.InputTokens = nil }),
		"cost agent_runs.output_tokens":           totals(func(c *domain.CostTotals) { c.OutputTokens = nil }),
		"cost agent_runs.cache_read_tokens":       totals(func(c *domain.CostTotals) { c.CacheReadTokens = nil }),
		"cost agent_runs.cache_creation_tokens":   totals(func(c *domain.CostTotals) { c.CacheCreationTokens = nil }),
	}
}

func TestMissingOptionalColumnReadsAsNil(t *testing.T) {
	t.Parallel()
	for what, forget := range optional() {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			source, table, column := splitColumn(what)
			path := newDB(t, deleteMode, script(t, "busy.sql"))
			want := results(t, newStore(t, path))
			db := writable(t, path)
			execute(t, db, "ALTER TABLE "+table+" RENAME COLUMN "+column+" TO other")
			require.NoError(t, db.Close())
			got := results(t, newStore(t, path))
			forget(want[source].value)
			require.ErrorIs(t, got[source].err, domain.CodeSchemaDrift)
			require.ErrorContains(t, got[source].err, column, "the log says what is missing")
			if costs, ok := want[source].value.(*domain.RunCosts); ok {
				costs.ByModel = slices.SortedFunc(slices.Values(costs.ByModel), byName)
				slices.SortFunc(got[source].value.(*domain.RunCosts).ByModel, byName) // without costs they are by name
			}
			assert.Equal(t, want[source].value, got[source].value)
			// A column of runs is missed by both sources that show it.
			if column == "work_item_id" {
				want = withoutTickets(want)
			}
			requireOthersEqual(t, want, got, source, map[string]string{"agents": "cost", "cost": "agents"}[source])
		})
	}
	t.Run("retries jobs.attempts", func(t *testing.T) {
		t.Parallel()
		want := results(t, newStore(t, newDB(t, walMode, script(t, "busy.sql"))))
		got := results(t, newStore(t, newDB(t, walMode, script(t, "busy.sql"), "ALTER TABLE jobs DROP COLUMN attempts")))
		require.ErrorIs(t, got["retries"].err, domain.CodeSchemaDrift)
		assert.Nil(t, got["retries"].value)
		requireOthersEqual(t, want, got, "retries")
	})
}

// TestJobsWithoutTheirTask: an orchestrator that has no such column is no worse.
func TestJobsWithoutTheirTask(t *testing.T) {
	t.Parallel()
	want := withoutTickets(results(t, newStore(t, newDB(t, walMode, script(t, "busy.sql")))))
	for i := range want["agents"].value.([]domain.RunningJob) {
		want["agents"].value.([]domain.RunningJob)[i].TaskID = nil
	}
	got := results(t, newStore(t, newDB(t, walMode, script(t, "busy.sql"), "ALTER TABLE jobs DROP COLUMN task_id")))
	requireOthersEqual(t, want, got)
}

// TestTicketsOfTasksWithoutKey: a table that has two tasks of an id lists no job twice.
func TestTicketsOfTasksWithoutKey(t *testing.T) {
	t.Parallel()
	got, err := newStore(t, newDB(t, walMode, "ALTER TABLE tasks RENAME TO other", "CREATE VIEW tasks AS SELECT * FROM other UNION ALL SELECT * FROM other",
		"INSERT INTO other (id, stage, work_item_id) VALUES (1, 'review', 'ORCH-1'), (2, 'done', NULL)",
		"INSERT INTO jobs (id, status, task_id) VALUES (1, 'running', 1), (2, 'running', 2), (3, 'running', 3), (4, 'running', NULL)")).RunningJobs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []domain.RunningJob{
		{ID: 1, TaskID: new(int64(1)), WorkItem: new("ORCH-1")}, {ID: 2, TaskID: new(int64(2))}, {ID: 3, TaskID: new(int64(3))}, {ID: 4},
	}, got.Value)
}

// TestTicketsThatCannotBeRead cost the agents nothing else, and are not shown as right.
func TestTicketsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	jobs := "INSERT INTO jobs (id, status, task_id) VALUES (1, 'running', 1), (2, 'running', NULL)"
	for statement, code := range map[string]domain.Code{
		"ALTER TABLE tasks RENAME TO other; CREATE VIEW tasks AS SELECT * FROM other; DROP TABLE other": domain.CodeSchemaDrift,
		slowView("tasks", "id, stage, work_item_id", "1, 's', 'w'"):                                     domain.CodeTimeout,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		got, err := newStore(t, newDB(t, walMode, statement, jobs)).RunningJobs(ctx)
		require.ErrorIs(t, err, code)
		require.NoError(t, ctx.Err(), "there must be time left for the processes")
		assert.Equal(t, []domain.RunningJob{{ID: 1, TaskID: new(int64(1))}, {ID: 2}}, got.Value)
		cancel()
	}
}

func splitColumn(what string) (source, table, column string) {
	source, rest, _ := strings.Cut(what, " ")
	table, column, _ = strings.Cut(rest, ".")
	return source, table, column
}
