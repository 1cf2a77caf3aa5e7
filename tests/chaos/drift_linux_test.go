package chaos

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// complete is a row in each table without a NULL in any column that is shown.
const complete = `
INSERT INTO tasks (id, work_item_id, repo, stage, updated_at) VALUES (7, 'ORCH-7', 'first', 'development', datetime('now', '-20 minutes'));
INSERT INTO jobs (id, task_id, repo, agent, status, attempts, run_id, pid, started_at)
	VALUES (1, 7, 'first', 'developer', 'running', 2, 1, 2147483647, datetime('now', '-10 minutes'));
INSERT INTO agent_runs (id, model, effort, cost_usd, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens)
	VALUES (1, 'claude-opus-4-8', 'high', 0.5, 1, 2, 3, 4);`

// drift is a way in which a database can differ from what we know.
type drift struct {
	name   string
	script string
	// without are the fields that become null, as paths; a list stands for its only
	// row.
	without []string
	want    string // the summary, if the section's rows are all there
	// gone are whole sections, or lists, that are lost.
	gone []string
}

// remade makes a table anew from a list of what to select from the old one.
func remade(table, list string) string {
	return fmt.Sprintf("ALTER TABLE %[1]s RENAME TO old; CREATE TABLE %[1]s AS SELECT %[2]s FROM old; DROP TABLE old;", table, list)
}

func dropped(table, column string) string {
	return fmt.Sprintf("DROP INDEX IF EXISTS idx_jobs_status; ALTER TABLE %s DROP COLUMN %s;", table, column)
}

const (
	allFine     = "shows first"
	runsDrifted = "agents degraded schema_drift, cost degraded schema_drift, shows first"
)

var drifts = []drift{
	{name: "columns in another order", want: allFine, script: remade("tasks", "updated_at, stage, repo, work_item_id, id") +
		remade("jobs", "started_at, pid, run_id, attempts, status, agent, repo, task_id, id") +
		remade("agent_runs", "cache_creation_tokens, cache_read_tokens, output_tokens, input_tokens, cost_usd, effort, model, id")},
	{name: "more columns and tables", want: allFine, script: `ALTER TABLE tasks ADD COLUMN prompt TEXT DEFAULT 'x'; CREATE TABLE users (id, stage);
		ALTER TABLE jobs ADD COLUMN payload BLOB; ALTER TABLE jobs ADD COLUMN double GENERATED ALWAYS AS (attempts*2);
		ALTER TABLE agent_runs ADD COLUMN repo TEXT; CREATE INDEX by_stage ON tasks(stage);`},
	{name: "views for tables", want: allFine, script: `ALTER TABLE tasks RENAME TO t; CREATE VIEW tasks AS SELECT * FROM t;
		ALTER TABLE jobs RENAME TO j; CREATE VIEW jobs AS SELECT * FROM j; ALTER TABLE agent_runs RENAME TO r; CREATE VIEW agent_runs AS SELECT * FROM r;`},
	{name: "capital letters", want: allFine, script: remade("TASKS", "id AS ID, work_item_id, Repo AS REPO, stage AS Stage, updated_at") +
		remade("Jobs", "id AS Id, repo, agent AS AGENT, status AS STATUS, attempts, run_id, pid AS PID, started_at, task_id AS Task_ID")},
	{name: "tables without a rowid", want: allFine, script: `ALTER TABLE jobs RENAME TO old;
		CREATE TABLE jobs (id INTEGER PRIMARY KEY, repo, agent, status, attempts, run_id, pid, started_at, task_id) WITHOUT ROWID;
		INSERT INTO jobs SELECT id, repo, agent, status, attempts, run_id, pid, started_at, task_id FROM old;`},

	{name: "no tasks.work_item_id", script: dropped("tasks", "work_item_id"), want: "stages degraded schema_drift, shows first", without: []string{"stages.work_item", "agents.work_item"}},
	{name: "no tasks.repo", script: dropped("tasks", "repo"), want: "stages degraded schema_drift", without: []string{"stages.repo"}},
	{name: "no tasks.updated_at", script: dropped("tasks", "updated_at"), want: "stages degraded schema_drift, shows first", without: []string{"stages.age_in_stage_s"}},
	{name: "no jobs.repo", script: dropped("jobs", "repo"), want: runsDrifted, without: []string{"agents.repo"}},
	{name: "no jobs.agent", script: dropped("jobs", "agent"), want: runsDrifted, without: []string{"agents.agent", "cost.running.agent"}},
	{name: "no jobs.task_id", script: dropped("jobs", "task_id"), want: allFine, without: []string{"agents.task_id", "agents.work_item"}},
	{name: "no jobs.attempts", script: dropped("jobs", "attempts"), want: "queue degraded schema_drift, shows first", without: []string{"queue.retries"}},
	{name: "no jobs.run_id", script: dropped("jobs", "run_id"), want: runsDrifted, without: []string{
		"agents.run_id", "agents.model", "agents.effort", "cost.running.model", "cost.running.run_id", "cost.running.cost_usd", "cost.running.input_tokens",
		"cost.running.output_tokens", "cost.running.cache_read_tokens", "cost.running.cache_creation_tokens",
	}},
	{name: "no jobs.pid", script: dropped("jobs", "pid"), want: runsDrifted, without: []string{"agents.pid", "agents.process"}},
	{name: "no jobs.started_at", script: dropped("jobs", "started_at"), want: runsDrifted, without: []string{"agents.runtime_s"}},
	{name: "no agent_runs.model", script: dropped("agent_runs", "model"), want: runsDrifted, without: []string{"agents.model", "cost.running.model"}, gone: []string{"cost.by_model"}},
	{name: "no agent_runs.effort", script: dropped("agent_runs", "effort"), want: runsDrifted, without: []string{"agents.effort"}},
	{name: "no agent_runs.cost_usd", script: dropped("agent_runs", "cost_usd"), want: runsDrifted, without: []string{"cost.running.cost_usd", "cost.aggregate.cost_usd", "cost.by_model.cost_usd"}},
	{name: "no agent_runs.input_tokens", script: dropped("agent_runs", "input_tokens"), want: runsDrifted, without: []string{"cost.running.input_tokens", "cost.aggregate.input_tokens", "cost.by_model.input_tokens"}},
	{name: "no agent_runs.finished_at", script: dropped("agent_runs", "finished_at"), want: allFine},

	{name: "no tasks.id", script: remade("tasks", "work_item_id, repo, stage, updated_at"), want: "stages failed schema_drift", gone: []string{"stages"}, without: []string{"agents.work_item"}},
	{name: "no tasks.stage", script: dropped("tasks", "stage"), want: "stages failed schema_drift", gone: []string{"stages"}},
	{
		name: "no jobs.id", script: remade("jobs", "repo, agent, status, attempts, run_id, pid, started_at"),
		want: "agents failed schema_drift, cost degraded schema_drift, shows first", gone: []string{"agents", "cost.running"},
	},
	{
		name: "no jobs.status", script: dropped("jobs", "status"),
		want: "queue degraded schema_drift, agents failed schema_drift, cost degraded schema_drift, shows first",
		gone: []string{"agents", "cost.running", "queue.counts", "queue.depth"},
	},
	{
		name: "no agent_runs.id", script: remade("agent_runs", "model, cost_usd, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens"),
		want: runsDrifted, without: []string{
			"agents.model", "agents.effort", "cost.running.model", "cost.running.cost_usd", "cost.running.input_tokens",
			"cost.running.output_tokens", "cost.running.cache_read_tokens", "cost.running.cache_creation_tokens",
		},
	},
	{name: "no tasks", script: "DROP TABLE tasks;", want: "stages failed schema_drift", gone: []string{"stages"}, without: []string{"agents.work_item"}},
	{
		name: "no jobs", script: "DROP TABLE jobs;",
		want: "queue failed schema_drift, agents failed schema_drift, cost degraded schema_drift, shows first",
		gone: []string{"queue", "agents", "cost.running"},
	},
	{
		name: "no agent_runs", script: "DROP TABLE agent_runs;", want: runsDrifted, gone: []string{"cost.aggregate", "cost.by_model"}, without: []string{
			"agents.model", "agents.effort", "cost.running.model", "cost.running.cost_usd", "cost.running.input_tokens",
			"cost.running.output_tokens", "cost.running.cache_read_tokens", "cost.running.cache_creation_tokens",
		},
	},
	{
		name: "a view over a table that is gone", script: "ALTER TABLE tasks RENAME TO t; CREATE VIEW tasks AS SELECT * FROM t; DROP TABLE t;",
		want: "stages failed schema_drift, agents degraded schema_drift, cost degraded schema_drift", // the tickets are of the running jobs
		gone: []string{"stages"}, without: []string{"agents.work_item"},
	},
}

// TestSchemaTolerance: an envelope over a drifted schema is the same as over the
// known one, but for what cannot be known.
func TestSchemaTolerance(t *testing.T) {
	t.Parallel()
	p := newPlace(t, owner())
	s := serve(t, p)
	build := func(t *testing.T, script string) {
		p.remove(t, p.db)
		o := start(t, p)
		o.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; BEGIN;%s%s%s\nCOMMIT;", schema(t), complete, script)
		o.stop()
	}
	build(t, "")
	known := s.metrics()
	require.Equal(t, allFine, known.summary())
	for _, d := range drifts {
		tolerant.try(t, d.name, func(t *testing.T) {
			build(t, d.script)
			found := s.metrics()
			assert.Equal(t, d.want, found.summary())
			for key, value := range known.fields() {
				lost := func(paths []string) bool {
					for _, path := range paths {
						if key == path || strings.HasPrefix(key, path+".") {
							return true
						}
					}
					return false
				}
				shown, there := found.fields()[key]
				switch {
				case lost(d.gone):
					assert.False(t, there && shown != nil, key)
				case lost(d.without):
					if there { // a null object has no fields
						assert.Nil(t, shown, key)
					}
				default:
					assert.Equal(t, value, shown, key)
				}
			}
		})
	}
}

// fields lists the values of the core sections by their paths. A list stands for
// its only row. Of an age only counts that it is known.
func (e envelope) fields() map[string]any {
	found := map[string]any{}
	var walk func(path string, value any)
	walk = func(path string, value any) {
		switch v := value.(type) {
		case map[string]any:
			for key, inner := range v {
				walk(path+"."+key, inner)
			}
		case []any:
			for _, inner := range v {
				walk(path, inner)
			}
		default:
			if age := strings.HasSuffix(path, "_s"); age && value != nil {
				value = "known"
			}
			found[path] = value
		}
	}
	for _, section := range []string{"stages", "queue", "agents", "cost"} {
		walk(section, e[section])
	}
	return found
}
