package profile

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
	"github.com/orchmetrics/orchmetrics/ports/portstest"
)

// native is a store over a profile of the schema that the service reads by itself, so
// that the suites that prove the one prove the other.
func native(t testing.TB, path string) *Store {
	t.Helper()
	content, err := os.ReadFile("testdata/native.yaml")
	require.NoError(t, err)
	return over(t, string(content), path, exact)
}

func loaded(t testing.TB, data portstest.Data) *Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orch.db")
	db := writer(t, path, nativeSchema(t))
	insert := func(query string, args ...any) {
		_, err := db.Exec(query, args...)
		require.NoError(t, err)
	}
	for _, task := range data.Tasks {
		insert("INSERT INTO tasks (id, work_item_id, repo, stage, updated_at) VALUES (?, ?, ?, ?, ?)",
			task.ID, task.WorkItem, task.Repo, task.Stage, text(task.StageSince))
	}
	for _, job := range data.Jobs {
		insert("INSERT INTO jobs (id, repo, agent, status, attempts, run_id, pid, started_at, task_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			job.ID, job.Repo, job.Agent, job.Status, job.Attempts, job.RunID, job.PID, text(job.StartedAt), job.TaskID)
	}
	for _, run := range data.Runs {
		insert(`INSERT INTO agent_runs (id, model, effort, cost_usd, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			run.ID, run.Model, run.Effort, run.CostUSD, run.InputTokens, run.OutputTokens, run.CacheReadTokens, run.CacheCreationTokens)
	}
	return native(t, path)
}

func text(at *time.Time) *string {
	if at == nil {
		return nil
	}
	return new(at.Format(time.DateTime))
}

func TestSources(t *testing.T) {
	t.Parallel()
	portstest.StageSource(t, func(t testing.TB, data portstest.Data) ports.StageSource { return loaded(t, data) })
	portstest.QueueSource(t, func(t testing.TB, data portstest.Data) ports.QueueSource { return loaded(t, data) })
	portstest.AgentSource(t, func(t testing.TB, data portstest.Data) ports.AgentSource { return loaded(t, data) })
	portstest.CostSource(t, func(t testing.TB, data portstest.Data) ports.CostSource { return loaded(t, data) })
}

func TestSourcesFail(t *testing.T) {
	t.Parallel()
	store := native(t, filepath.Join(t.TempDir(), "orch.db"))
	portstest.Fails(t, domain.CodeDBMissing, store.ActiveTasks)
	portstest.Fails(t, domain.CodeDBMissing, store.StatusCounts)
	portstest.Fails(t, domain.CodeDBMissing, store.Retries)
	portstest.Fails(t, domain.CodeDBMissing, store.RunningJobs)
	portstest.Fails(t, domain.CodeDBMissing, store.CostTotals)
}

// TestViews runs the suite with a live writer, once for each source.
func TestViews(t *testing.T) {
	t.Parallel()
	reads := map[string]func(*Store) func(context.Context) (any, error){
		"stages":  valueOf((*Store).ActiveTasks),
		"counts":  valueOf((*Store).StatusCounts),
		"retries": valueOf((*Store).Retries),
		"agents":  valueOf((*Store).RunningJobs),
		"cost":    valueOf((*Store).CostTotals),
	}
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			portstest.Viewer(t, func(t testing.TB) portstest.ViewedStore {
				path := filepath.Join(t.TempDir(), "orch.db")
				db := writer(t, path, nativeSchema(t))
				change := func(t testing.TB) {
					for _, statement := range []string{
						"INSERT INTO tasks (stage) VALUES ('s')", "INSERT INTO agent_runs (cost_usd) VALUES (1)",
						"INSERT INTO jobs (status, attempts) VALUES ('running', 3)",
					} {
						_, err := db.Exec(statement)
						require.NoError(t, err)
					}
				}
				change(t)
				store := native(t, path)
				return portstest.ViewedStore{Viewer: store, Read: read(store), Change: change}
			})
		})
	}
}

// valueOf is a source's method, of which the value counts.
func valueOf[V any](method func(*Store, context.Context) (ports.Reading[V], error)) func(*Store) func(context.Context) (any, error) {
	return func(s *Store) func(context.Context) (any, error) {
		return func(ctx context.Context) (any, error) {
			got, err := method(s, ctx)
			return got.Value, err
		}
	}
}
