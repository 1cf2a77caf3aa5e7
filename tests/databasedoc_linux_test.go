package tests

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/contract/contracttest"
)

// documentedColumn is a row of the table of columns in docs/contract.md.
type documentedColumn struct {
	table, name    string
	required       bool
	later          bool     // nothing is degraded without it
	becomes, costs []string // paths of fields: what it is, and what is not there without it
}

// documentedDatabase reads the section on the database: its DDL, its columns, and
// the rest.
func documentedDatabase(t *testing.T) (ddl string, columns []documentedColumn, section string) {
	t.Helper()
	_, section, found := strings.Cut(read(t, "docs/contract.md"), "\n## The database\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	_, ddl, found = strings.Cut(section, "```sql\n")
	require.True(t, found)
	ddl, _, _ = strings.Cut(ddl, "```")
	quoted := func(cell string) (paths []string) {
		for _, path := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
			paths = append(paths, path[1])
		}
		return paths
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)\\.(\\w+)` \\|([^|]*)\\|[^|]*\\|([^|]*)\\|([^|]*)\\|$").FindAllStringSubmatch(section, -1) {
		column := documentedColumn{table: row[1], name: row[2], required: strings.Contains(row[3], "required"), later: strings.Contains(row[3], "came later"), becomes: quoted(row[4])}
		if column.costs = quoted(row[5]); strings.TrimSpace(row[5]) == "the same" {
			column.costs = slices.Clone(column.becomes)
		}
		slices.Sort(column.costs)
		columns = append(columns, column)
	}
	return ddl, columns, section
}

// documentedWorld is a database as the document has it, with one of each, and what
// the program is to answer from it, by the path of the field. The values are all
// different, so that none can be taken for another.
type documentedWorld struct {
	db  string
	env []string
}

const documentedStart = "2026-06-01 12:00:00"

func newDocumentedWorld(t *testing.T, pid int) documentedWorld {
	t.Helper()
	ddl, _, _ := documentedDatabase(t)
	w := documentedWorld{db: filepath.Join(t.TempDir(), "orchestrator.db")}
	execute(t, w.db, "PRAGMA journal_mode=WAL", ddl,
		"INSERT INTO tasks (id, work_item_id, repo, stage, updated_at) VALUES (7, 'ORCH-007', 'web', 'review', '"+documentedStart+"')",
		"INSERT INTO tasks (id, stage) VALUES (8, 'done'), (9, 'cancelled')",
		fmt.Sprintf(`INSERT INTO jobs (id, task_id, repo, agent, status, attempts, run_id, pid, host, started_at)
			VALUES (21, 7, 'core', 'developer', 'running', 3, 41, %d, 'Here', '%s')`, pid, documentedStart),
		"INSERT INTO jobs (id, status) VALUES (22, 'queued'), (23, 'queued'), (24, 'failed'), (25, 'on hold')",
		`INSERT INTO agent_runs (id, model, effort, cost_usd, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens)
			VALUES (41, 'claude-opus-4-8', 'high', 1.5, 11, 12, 13, 14), (40, 'another', 'low', 0.25, 100, 200, 300, 400)`)
	worker := filepath.Join(filepath.Dir(w.db), "worker.json")
	require.NoError(t, os.WriteFile(worker, []byte(`{"breaker":{"state":"closed"},"max_concurrency":4,"poll_interval":2.0,"updated_at":"2026-06-01T12:00:00Z"}`), 0o600))
	w.env = []string{"ORCH_DB=" + w.db, "ORCH_WORKER_STATE_FILE=" + worker, "ORCH_LISTEN=127.0.0.1:0", "ORCH_HOST=here"}
	return w
}

// answer is what the real program says of it.
func (w documentedWorld) answer(t *testing.T) map[string]any {
	t.Helper()
	status, out, errs := command(t, w.env, "snapshot", "--compact")
	require.Zero(t, status, errs)
	contracttest.Validate(t, []byte(out))
	var envelope map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &envelope))
	return envelope
}

// fieldsOf are the fields of the core sections by path. Those of lists are of their
// first element; an empty list is a field that is nil.
func fieldsOf(envelope map[string]any) map[string]any {
	fields := map[string]any{}
	var walk func(path string, value any)
	walk = func(path string, value any) {
		fields[path] = value
		switch value := value.(type) {
		case map[string]any:
			for key, member := range value {
				walk(path+"."+key, member)
			}
		case []any:
			if len(value) == 0 {
				fields[path] = nil
				return
			}
			walk(path+"[]", value[0])
		}
	}
	for _, key := range []string{"stages", "queue", "agents", "cost"} {
		walk(key, envelope[key])
	}
	return fields
}

// empty are the paths of fields that are nil, sorted.
func empty(fields map[string]any) []string {
	var paths []string
	for path, value := range fields {
		if value == nil {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// TestDatabase_IsAsDocumented: a database made by the documented DDL is all that the
// program needs to answer every field, and each column becomes what is said of it.
func TestDatabase_IsAsDocumented(t *testing.T) {
	t.Parallel()
	agent := startChild(t, "idle", "agent")
	world := newDocumentedWorld(t, agent.Process.Pid)
	envelope := world.answer(t)
	fields := fieldsOf(envelope)
	for path := range fields { // whether a process's input and output may be read is its user's matter
		assert.True(t, fields[path] != nil || strings.HasPrefix(path, "agents[].process."), "nothing at %s", path)
	}
	for key, report := range envelope["sections"].(map[string]any) {
		assert.Equal(t, "ok", report.(map[string]any)["status"], key)
	}

	generated, err := time.Parse(time.RFC3339, envelope["generated_at"].(string))
	require.NoError(t, err)
	began, err := time.Parse(time.DateTime, documentedStart)
	require.NoError(t, err)
	age := generated.Sub(began).Seconds()
	want := map[string]any{
		"stages[].task_id": 7.0, "stages[].work_item": "ORCH-007", "stages[].repo": "web", "stages[].stage": "review",
		"stages[].age_in_stage_s": age, "agents[].task_id": 7.0, "agents[].work_item": "ORCH-007", "agents[].host": "Here",
		"cost.running[].model": "claude-opus-4-8", "cost.by_model[].model": "claude-opus-4-8", "cost.by_model[].cost_usd": 1.5,
		"cost.by_model[].input_tokens": 11.0, "cost.by_model[].output_tokens": 12.0, "cost.by_model[].cache_read_tokens": 13.0,
		"cost.by_model[].cache_creation_tokens": 14.0,
		"agents[].job_id":                       21.0, "cost.running[].job_id": 21.0, "agents[].repo": "core",
		"agents[].agent": "developer", "cost.running[].agent": "developer",
		"queue.counts": map[string]any{"queued": 2.0, "running": 1.0, "done": 0.0, "failed": 1.0, "cancelled": 0.0, "on hold": 1.0}, "queue.depth": 2.0,
		"queue.retries":   map[string]any{"retried_jobs": 1.0, "retries_total": 2.0, "max_attempts_seen": 3.0},
		"agents[].run_id": 41.0, "cost.running[].run_id": 41.0, "agents[].pid": float64(agent.Process.Pid), "agents[].runtime_s": age,
		"agents[].model": "claude-opus-4-8", "agents[].effort": "high",
		"cost.running[].cost_usd": 1.5, "cost.aggregate.cost_usd": 1.75,
		"cost.running[].input_tokens": 11.0, "cost.aggregate.input_tokens": 111.0,
		"cost.running[].output_tokens": 12.0, "cost.aggregate.output_tokens": 212.0,
		"cost.running[].cache_read_tokens": 13.0, "cost.aggregate.cache_read_tokens": 313.0,
		"cost.running[].cache_creation_tokens": 14.0, "cost.aggregate.cache_creation_tokens": 414.0,
	}
	ofProcess := []string{"agents[].cpu_ticks", "agents[].process", "agents[].process.started_after_job_s"} // TestCPU has what they are
	_, columns, _ := documentedDatabase(t)
	var documented []string
	for _, column := range columns {
		documented = append(documented, column.becomes...)
		for _, path := range column.becomes {
			assert.NotNil(t, fields[path], path)
			if !slices.Contains(ofProcess, path) {
				assert.Equal(t, want[path], fields[path], "%s.%s becomes %s", column.table, column.name, path)
			}
		}
	}
	assert.ElementsMatch(t, append(slices.Collect(maps.Keys(want)), ofProcess...), documented, "every field is said to come from where it comes")

	execute(t, world.db, "UPDATE jobs SET started_at = datetime('now')") // as the process
	found := surgery{env: world.env}.examine(t, "--strict")
	assert.Zero(t, found.status, "the doctor has nothing to say of it: %s", found.stdout)
}

// TestDatabase_WithoutAColumn: each column is taken away in turn, and what is then
// missing is what the document says, no less and no more.
func TestDatabase_WithoutAColumn(t *testing.T) {
	t.Parallel()
	agent := startChild(t, "idle", "agent")
	whole := empty(fieldsOf(newDocumentedWorld(t, agent.Process.Pid).answer(t)))
	_, columns, _ := documentedDatabase(t)
	require.ElementsMatch(t, columnsOf(t, newDocumentedWorld(t, 1).db), namesOf(columns), "the DDL has the columns of the table")
	for _, column := range columns {
		t.Run(column.table+"."+column.name, func(t *testing.T) {
			t.Parallel()
			world := newDocumentedWorld(t, agent.Process.Pid)
			execute(t, world.db, "ALTER TABLE "+column.table+" RENAME COLUMN "+column.name+" TO something_else")
			envelope := world.answer(t)
			var missing []string
			for _, path := range empty(fieldsOf(envelope)) {
				if !slices.Contains(whole, path) {
					missing = append(missing, path)
				}
			}
			assert.Equal(t, column.costs, missing)
			section, _, _ := strings.Cut(column.costs[len(column.costs)-1], ".")
			report := envelope["sections"].(map[string]any)[strings.TrimSuffix(section, "[]")].(map[string]any)
			assert.Equal(t, map[bool]any{false: "schema_drift"}[column.later], report["code"])
			failed := slices.ContainsFunc(column.costs, func(path string) bool { return !strings.ContainsAny(path, ".[") })
			assert.Equal(t, column.required, failed, "required is what a whole section cannot do without")
		})
	}
}

// columnsOf lists the columns of a database's tables.
func columnsOf(t *testing.T, path string) (names []string) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	rows, err := db.Query("SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		names = append(names, name)
	}
	require.NoError(t, rows.Err())
	return names
}

func namesOf(columns []documentedColumn) (names []string) {
	for _, column := range columns {
		names = append(names, column.table+"."+column.name)
	}
	return names
}

// TestDatabase_Timestamps: each documented form is read as documented, in both
// columns, and what is said to be none is null and counted.
func TestDatabase_Timestamps(t *testing.T) {
	t.Parallel()
	_, _, section := documentedDatabase(t)
	forms := regexp.MustCompile("(?m)^\\| `([^`|]+)` \\| `([^`|]+)` \\|").FindAllStringSubmatch(section, -1)
	_, refused, found := strings.Cut(section, "Anything else is null and an anomaly")
	require.True(t, found)
	none := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(refused, -1)
	require.Len(t, forms, 10)
	require.Len(t, none, 10)

	world := newDocumentedWorld(t, 1)
	execute(t, world.db, "DELETE FROM tasks", "DELETE FROM jobs")
	for i, form := range slices.Concat(forms, none) {
		execute(t, world.db, fmt.Sprintf("INSERT INTO tasks (id, stage, updated_at) VALUES (%d, 's', '%s')", i, form[1]),
			fmt.Sprintf("INSERT INTO jobs (id, status, started_at) VALUES (%d, 'running', '%s')", i, form[1]))
	}
	envelope := world.answer(t)
	generated, err := time.Parse(time.RFC3339, envelope["generated_at"].(string))
	require.NoError(t, err)
	stages, agents := envelope["stages"].([]any), envelope["agents"].([]any)
	for i, form := range forms {
		at, err := time.Parse(time.RFC3339, form[2])
		require.NoError(t, err)
		want := generated.Sub(at).Seconds()
		assert.InDelta(t, want, stages[i].(map[string]any)["age_in_stage_s"], 0, form[1])
		assert.InDelta(t, want, agents[i].(map[string]any)["runtime_s"], 0, form[1])
	}
	for i, form := range none {
		assert.Nil(t, stages[len(forms)+i].(map[string]any)["age_in_stage_s"], form[1])
		assert.Nil(t, agents[len(forms)+i].(map[string]any)["runtime_s"], form[1])
	}
	for _, key := range []string{"stages", "agents"} {
		assert.EqualValues(t, len(none), envelope["sections"].(map[string]any)[key].(map[string]any)["anomalies"], key)
	}
}
