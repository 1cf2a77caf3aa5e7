package sqlstore

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/postgres"
	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
	"github.com/orchmetrics/orchmetrics/ports"
	"github.com/orchmetrics/orchmetrics/ports/portstest"
)

// postgresStore is a store over a schema, read as a role that may only read.
func postgresStore(t testing.TB, url string) *Store {
	t.Helper()
	e, err := postgres.New(postgres.Location{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	store, err := New(e, Options{MaxRows: 10_000})
	require.NoError(t, err)
	return store
}

// newPostgres is a schema of PostgreSQL with the orchestrator's tables, and who writes it.
func newPostgres(t testing.TB, scripts ...string) (*Store, *pgx.Conn) {
	t.Helper()
	schema := postgrestest.NewSchema(t)
	writer := schema.Writer(t)
	postgrestest.Exec(t, writer, script(t, "postgres.sql"), "GRANT SELECT ON ALL TABLES IN SCHEMA "+schema.Name+" TO metrics")
	postgrestest.Exec(t, writer, scripts...)
	return postgresStore(t, schema.Reader()), writer
}

// postgresLoaded is a store over a schema of the given data.
func postgresLoaded(t testing.TB, data portstest.Data) *Store {
	t.Helper()
	store, writer := newPostgres(t)
	insert := func(query string, args ...any) {
		_, err := writer.Exec(context.Background(), query, args...)
		require.NoError(t, err)
	}
	for _, task := range data.Tasks {
		insert("INSERT INTO tasks (id, work_item_id, repo, stage, updated_at) VALUES ($1, $2, $3, $4, $5)",
			task.ID, task.WorkItem, task.Repo, task.Stage, task.StageSince)
	}
	for _, job := range data.Jobs {
		insert("INSERT INTO jobs (id, task_id, repo, agent, status, attempts, run_id, pid, started_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
			job.ID, job.TaskID, job.Repo, job.Agent, job.Status, job.Attempts, job.RunID, job.PID, job.StartedAt)
	}
	for _, run := range data.Runs {
		insert(`INSERT INTO agent_runs (id, model, effort, cost_usd, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			run.ID, run.Model, run.Effort, run.CostUSD, run.InputTokens, run.OutputTokens, run.CacheReadTokens, run.CacheCreationTokens)
	}
	return store
}

func TestPostgresSources(t *testing.T) {
	t.Parallel()
	portstest.StageSource(t, func(t testing.TB, data portstest.Data) ports.StageSource { return postgresLoaded(t, data) })
	portstest.QueueSource(t, func(t testing.TB, data portstest.Data) ports.QueueSource { return postgresLoaded(t, data) })
	portstest.AgentSource(t, func(t testing.TB, data portstest.Data) ports.AgentSource { return postgresLoaded(t, data) })
	portstest.CostSource(t, func(t testing.TB, data portstest.Data) ports.CostSource { return postgresLoaded(t, data) })
}

func TestPostgresSourcesFail(t *testing.T) {
	t.Parallel()
	for database, code := range map[string]domain.Code{"absent": domain.CodeDBMissing, "postgres": domain.CodeSchemaDrift} {
		store := postgresStore(t, postgrestest.Shared(t).URL("metrics", database))
		portstest.Fails(t, code, store.ActiveTasks)
		portstest.Fails(t, code, store.StatusCounts)
		portstest.Fails(t, code, store.Retries)
		portstest.Fails(t, code, store.RunningJobs)
		portstest.Fails(t, code, store.CostTotals)
	}
}

// TestPostgresViews runs the suite with a live writer, once for each source, and with a
// table that somebody has locked.
func TestPostgresViews(t *testing.T) {
	t.Parallel()
	sources := map[string]struct {
		read  func(*Store) func(context.Context) (any, error)
		table string
		other func(*Store) func(context.Context) (any, error)
	}{
		"stages": {reading((*Store).ActiveTasks), "tasks", reading((*Store).StatusCounts)},
		"counts": {reading((*Store).StatusCounts), "jobs", reading((*Store).ActiveTasks)},
		"agents": {reading((*Store).RunningJobs), "jobs", reading((*Store).ActiveTasks)},
		"cost":   {reading((*Store).CostTotals), "agent_runs", reading((*Store).StatusCounts)},
	}
	for name, source := range sources {
		t.Run(name, func(t *testing.T) {
			portstest.Viewer(t, func(t testing.TB) portstest.ViewedStore {
				store, writer := newPostgres(t)
				change := func(t testing.TB) {
					postgrestest.Exec(t, writer, "INSERT INTO tasks (stage) VALUES ('s')", "INSERT INTO agent_runs (cost_usd) VALUES (1)",
						"INSERT INTO jobs (status, attempts) VALUES ('running', 3)")
				}
				change(t)
				return portstest.ViewedStore{
					Viewer: store, Read: source.read(store), Change: change, Other: source.other(store),
					Block: func(t testing.TB) func() {
						postgrestest.Exec(t, writer, "BEGIN", "LOCK TABLE "+source.table+" IN ACCESS EXCLUSIVE MODE")
						return func() { postgrestest.Exec(t, writer, "COMMIT") }
					},
				}
			})
		})
	}
}

// TestPostgresWithoutAColumn: what a column shows is missing with it, and nothing else.
func TestPostgresWithoutAColumn(t *testing.T) {
	t.Parallel()
	store, writer := newPostgres(t, "INSERT INTO jobs (status, attempts) VALUES ('done', 3)", "INSERT INTO agent_runs (cost_usd, input_tokens) VALUES (1, 2)")
	postgrestest.Exec(t, writer, "ALTER TABLE jobs DROP COLUMN attempts", "ALTER TABLE agent_runs DROP COLUMN input_tokens")
	got := results(t, store)
	require.NoError(t, got["stages"].err)
	require.NoError(t, got["counts"].err)
	require.ErrorIs(t, got["retries"].err, domain.CodeSchemaDrift)
	require.ErrorIs(t, got["cost"].err, domain.CodeSchemaDrift)
	costs, err := store.CostTotals(t.Context())
	require.ErrorIs(t, err, domain.CodeSchemaDrift)
	require.Equal(t, new(1.0), costs.Value.CostUSD)
	require.Nil(t, costs.Value.InputTokens)
}
