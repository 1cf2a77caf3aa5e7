package sqlstore

import "fmt"

// This file is the one place that says what the store reads. Queries, the check of a
// database, doctor and the documents follow it.

// The stages that a task does not leave, and the statuses that are always counted, in
// the order of the envelope. The first two are those of jobs that have not ended.
var (
	terminalStages  = [...]string{"done", "cancelled"}
	countedStatuses = [...]string{queued, running, "done", "failed", "cancelled"}
)

const (
	queued  = "queued"
	running = "running"
)

// tokenColumns are the columns of tokens, in the order of domain.CostTotals.
var tokenColumns = [...]string{"input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens"}

// indexed are the columns by which rows are found that have not ended.
var indexed = map[string]string{"tasks": "stage", "jobs": "status"}

// Table is a table that scrapes read, as it was found beside what is expected.
type Table struct {
	Name  string
	Found bool
	// View is set if it is a view: no index can be made on one.
	View bool
	// Keyed tells whether its id is its INTEGER PRIMARY KEY, so that the sums of
	// what has ended can be kept. It matters where KeepsSums is set.
	Keyed, KeepsSums bool
	// Columns are those that scrapes read.
	Columns []Column
	// Index is the index that keeps a scrape from reading the whole table, if its
	// column is there; nil if none would help.
	Index *Index
}

// Column is a column that scrapes read.
type Column struct {
	Name string
	// Type is what its cells are to be: integer, real, text or timestamp.
	Type  string
	Found bool
	// Required tells whether a whole section fails without it, and Optional that
	// nothing is degraded. Without any other one what Shows has is null, and its
	// section degraded.
	Required, Optional bool
	// Shows are the fields of the envelope that come from it.
	Shows []string
}

// Index is an index that should be there.
type Index struct {
	Column string
	Found  bool
	// Statement creates it. It is for the owner of the database: this package
	// never writes.
	Statement string
}

// Expected returns the tables and columns that scrapes read, none of them found.
func Expected() []Table {
	return []Table{
		{
			Name: "tasks", Index: index("tasks"), Columns: []Column{
				needed("id", "integer", "stages"),
				needed("stage", "text", "stages"),
				wanted("work_item_id", "text", "stages[].work_item", "agents[].work_item"),
				wanted("repo", "text", "stages[].repo"),
				wanted("updated_at", "timestamp", "stages[].age_in_stage_s"),
			},
		},
		{
			Name: "jobs", KeepsSums: true, Index: index("jobs"), Columns: []Column{
				needed("id", "integer", "agents", "cost.running"),
				needed("status", "text", "agents", "queue.counts", "cost.running"),
				wanted("attempts", "integer", "queue.retries"),
				wanted("run_id", "integer", "agents[].run_id", "agents[].model", "agents[].effort", "cost.running[].run_id", "cost.running[].model"),
				wanted("agent", "text", "agents[].agent", "cost.running[].agent"),
				wanted("repo", "text", "agents[].repo"),
				wanted("pid", "integer", "agents[].pid", "agents[].cpu_ticks", "agents[].process"),
				wanted("started_at", "timestamp", "agents[].runtime_s", "agents[].process.started_after_job_s"),
				later("task_id", "integer", "agents[].task_id", "agents[].work_item"),
				later("host", "text", "agents[].host"),
			},
		},
		{
			Name: "agent_runs", KeepsSums: true, Columns: []Column{
				wanted("id", "integer", "agents[].model", "agents[].effort", "cost.running[].cost_usd", "cost.running[].input_tokens"),
				wanted("model", "text", "agents[].model", "cost.running[].model", "cost.by_model"),
				wanted("effort", "text", "agents[].effort"),
				wanted("cost_usd", "real", "cost.running[].cost_usd", "cost.aggregate.cost_usd"),
				wanted("input_tokens", "integer", "cost.running[].input_tokens", "cost.aggregate.input_tokens"),
				wanted("output_tokens", "integer", "cost.running[].output_tokens", "cost.aggregate.output_tokens"),
				wanted("cache_read_tokens", "integer", "cost.running[].cache_read_tokens", "cost.aggregate.cache_read_tokens"),
				wanted("cache_creation_tokens", "integer", "cost.running[].cache_creation_tokens", "cost.aggregate.cache_creation_tokens"),
			},
		},
	}
}

func needed(name, kind string, shows ...string) Column {
	return Column{Name: name, Type: kind, Required: true, Shows: shows}
}

func wanted(name, kind string, shows ...string) Column {
	return Column{Name: name, Type: kind, Shows: shows}
}

// later is a column that not every orchestrator has yet.
func later(name, kind string, shows ...string) Column {
	return Column{Name: name, Type: kind, Optional: true, Shows: shows}
}

func index(table string) *Index {
	return &Index{Column: indexed[table], Statement: fmt.Sprintf("CREATE INDEX idx_%[1]s_%[2]s ON %[1]s(%[2]s);", table, indexed[table])}
}
