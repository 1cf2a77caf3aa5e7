package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/orchmetrics/orchmetrics/domain"
)

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
	Name  string
	Found bool
	// Required tells whether a whole section fails without it. Without another one
	// what Shows has is null, and its section degraded.
	Required bool
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
			Name: "tasks", Index: index("tasks", "stage"), Columns: []Column{
				needed("id", "stages"),
				needed("stage", "stages"),
				wanted("work_item_id", "stages[].work_item"),
				wanted("repo", "stages[].repo"),
				wanted("updated_at", "stages[].age_in_stage_s"),
			},
		},
		{
			Name: "jobs", KeepsSums: true, Index: index("jobs", "status"), Columns: []Column{
				needed("id", "agents", "cost.running"),
				needed("status", "agents", "queue.counts", "cost.running"),
				wanted("attempts", "queue.retries"),
				wanted("run_id", "agents[].run_id", "agents[].model", "agents[].effort", "cost.running[].run_id"),
				wanted("agent", "agents[].agent", "cost.running[].agent"),
				wanted("repo", "agents[].repo"),
				wanted("pid", "agents[].pid", "agents[].cpu_ticks", "agents[].process"),
				wanted("started_at", "agents[].runtime_s"),
			},
		},
		{
			Name: "agent_runs", KeepsSums: true, Columns: []Column{
				wanted("id", "agents[].model", "agents[].effort", "cost.running[].cost_usd", "cost.running[].input_tokens"),
				wanted("model", "agents[].model"),
				wanted("effort", "agents[].effort"),
				wanted("cost_usd", "cost.running[].cost_usd", "cost.aggregate.cost_usd"),
				wanted("input_tokens", "cost.running[].input_tokens", "cost.aggregate.input_tokens"),
				wanted("output_tokens", "cost.running[].output_tokens", "cost.aggregate.output_tokens"),
				wanted("cache_read_tokens", "cost.running[].cache_read_tokens", "cost.aggregate.cache_read_tokens"),
				wanted("cache_creation_tokens", "cost.running[].cache_creation_tokens", "cost.aggregate.cache_creation_tokens"),
			},
		},
	}
}

func needed(name string, shows ...string) Column {
	return Column{Name: name, Required: true, Shows: shows}
}

func wanted(name string, shows ...string) Column { return Column{Name: name, Shows: shows} }

func index(table, column string) *Index {
	return &Index{Column: column, Statement: fmt.Sprintf("CREATE INDEX idx_%[1]s_%[2]s ON %[1]s(%[2]s);", table, column)}
}

// Survey compares the database with what scrapes read of it. The error wraps a
// domain.Code.
func (s *Store) Survey(ctx context.Context) ([]Table, error) {
	tables := Expected()
	v := newView(ctx, s)
	defer v.end()
	err := v.do(ctx, func(ses *session) error {
		for i := range tables {
			if err := ses.survey(&tables[i]); err != nil {
				return fmt.Errorf("survey table %s: %w", tables[i].Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, classify(err)
	}
	return tables, nil
}

func (s *session) survey(t *Table) error {
	found, err := s.columns(t.Name, "t")
	if errors.Is(err, domain.CodeSchemaDrift) {
		return nil // the table is missing
	}
	if err != nil {
		return err
	}
	t.Found, t.Keyed = true, found.found.keyed
	for i, column := range t.Columns {
		t.Columns[i].Found = found.found.names[column.Name]
	}
	err = s.query(func(*cells) { t.View = true }, "SELECT 1 FROM sqlite_schema WHERE type = 'view' AND name = ? COLLATE NOCASE", t.Name)
	if err != nil || t.Index == nil || !slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == t.Index.Column && c.Found }) {
		return err
	}
	name, err := s.index(t.Name, t.Index.Column)
	t.Index.Found = name != ""
	return err
}
