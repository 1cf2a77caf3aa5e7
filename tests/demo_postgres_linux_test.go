package tests

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

// playOnServer plays a demo in a database of its own, and returns what reads its schema. end
// ends it, which must leave nothing.
func playOnServer(t *testing.T, args ...string) (s *service, tables *pgx.Conn, end func()) {
	t.Helper()
	db := postgrestest.Shared(t).NewDatabase(t)
	tables = db.Connect(t, "postgres", db.Name)
	schemas := func() []string {
		return lines(t, tables, "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'orch%'")
	}
	s = startService(t, []string{"ORCH_EXACT=true"}, append([]string{"demo", "--postgres=" + db.URL("orchestrator", db.Name)}, args...)...)
	require.Len(t, schemas(), 1)
	postgrestest.Exec(t, tables, "SET search_path = "+schemas()[0])
	return s, tables, func() {
		require.NoError(t, s.cmd.Process.Signal(os.Interrupt))
		require.Eventually(t, func() bool { return len(schemas()) == 0 }, time.Minute, 20*time.Millisecond, "nothing is left behind")
	}
}

// TestDemo_Postgres plays the demo in a database, whose tables go with it.
func TestDemo_Postgres(t *testing.T) {
	t.Parallel()
	s, _, end := playOnServer(t, "--tick=50ms")
	require.Eventually(t, func() bool {
		envelope := s.metrics(t)
		for key, report := range envelope["sections"].(map[string]any) {
			require.Equal(t, "ok", report.(map[string]any)["status"], "%s: %v", key, report)
		}
		used := 0.0
		for _, agent := range envelope["agents"].([]any) {
			used += ticksOf(agent)
		}
		return used > 0
	}, time.Minute, 50*time.Millisecond, "its agents work")
	end()
}

// TestDemo_PostgresProfiles: each profile of PostgreSQL that comes with the program is seen
// working in one command, which shows what is in the tables and leaves none of them.
func TestDemo_PostgresProfiles(t *testing.T) {
	t.Parallel()
	for _, played := range []struct {
		profile, table         string
		pids                   bool
		stages, agents, queued string // as the orchestrator itself would ask its tables; what has failed is tried again
	}{{
		profile: "paperclip", table: "issues", pids: true,
		stages: "SELECT concat_ws(' ', id, identifier, status) FROM issues WHERE status <> 'done'",
		agents: `SELECT concat_ws(' ', r.id, i.identifier, a.name, a.adapter_config ->> 'model', 'medium', r.process_pid) FROM heartbeat_runs r
			JOIN agents a ON a.id = r.agent_id JOIN issues i ON i.id::text = r.context_snapshot ->> 'issueId' WHERE r.status = 'running'`,
		queued: "SELECT concat_ws(' ', count(*) FILTER (WHERE started_at IS NULL), count(*) FILTER (WHERE status = 'failed')) FROM heartbeat_runs",
	}, {
		profile: "multica", table: "issue",
		stages: "SELECT concat_ws(' ', id, 'MUL-' || number, status) FROM issue WHERE status <> 'shipped'",
		agents: `SELECT concat_ws(' ', t.id, 'MUL-' || i.number, a.name, a.model, a.thinking_level) FROM agent_task_queue t
			JOIN agent a ON a.id = t.agent_id JOIN issue i ON i.id = t.issue_id WHERE t.status = 'running'`,
		queued: "SELECT concat_ws(' ', count(*) FILTER (WHERE started_at IS NULL), count(*) FILTER (WHERE status = 'failed')) FROM agent_task_queue",
	}, {
		profile: "river", table: "river_job", pids: true,
		stages: "SELECT concat_ws(' ', id, kind, state) FROM river_job WHERE finalized_at IS NULL",
		agents: `SELECT concat_ws(' ', id, kind, kind, metadata #>> '{output,model}', metadata #>> '{output,pid}') FROM river_job WHERE state = 'running'`,
		queued: `SELECT concat_ws(' ', count(*) FILTER (WHERE state IN ('available', 'retryable')),
			sum(cardinality(errors)) - count(*) FILTER (WHERE state = 'retryable')) FROM river_job`,
	}} {
		t.Run(played.profile, func(t *testing.T) {
			t.Parallel()
			s, tables, end := playOnServer(t, "--tick=20ms", "--profile="+played.profile)
			answer := func() []byte {
				_, body := s.get(t, "/metrics")
				return body
			}
			plays(t, answer, played.pids)

			postgrestest.Exec(t, tables, "BEGIN", "LOCK TABLE "+played.table+" IN SHARE MODE") // nothing happens while it is read
			var e domain.Envelope
			require.NoError(t, json.Unmarshal(answer(), &e))
			held := [][]string{sortedLines(t, tables, played.stages), sortedLines(t, tables, played.agents), lines(t, tables, played.queued)}
			postgrestest.Exec(t, tables, "ROLLBACK")
			assert.Equal(t, held, shown(e))
			self, err := os.Hostname()
			require.NoError(t, err)
			for _, a := range e.Agents {
				if played.profile != "paperclip" { // which has all of them on its own
					assert.Equal(t, &self, a.Host)
				}
			}
			if played.profile != "river" { // which knows no cost
				assert.Positive(t, *e.Cost.Aggregate.CostUSD)
			}
			end()
		})
	}
}

// shown are the stages, the agents, and the depth and the retries of the queue, as the
// tables' queries have them.
func shown(e domain.Envelope) [][]string {
	texts := make([][]string, 3)
	for _, s := range e.Stages {
		texts[0] = append(texts[0], joined(ref(s.TaskRef, s.TaskID), s.WorkItem, &s.Stage))
	}
	for _, a := range e.Agents {
		var pid *string
		if a.PID != nil {
			pid = new(strconv.FormatInt(*a.PID, 10))
		}
		texts[1] = append(texts[1], joined(ref(a.JobRef, a.JobID), a.WorkItem, a.Agent, a.Model, a.Effort, pid))
	}
	texts[2] = []string{strconv.FormatInt(*e.Queue.Depth, 10) + " " + strconv.FormatInt(e.Queue.Retries.RetriesTotal, 10)}
	slices.Sort(texts[0])
	slices.Sort(texts[1])
	return texts
}

// ref is an orchestrator's own id.
func ref(text *string, number int64) *string {
	if text == nil {
		return new(strconv.FormatInt(number, 10))
	}
	return text
}

// joined are texts, but for those that are null.
func joined(texts ...*string) (line string) {
	for _, text := range texts {
		if text != nil {
			line += " " + *text
		}
	}
	return line[1:]
}

func sortedLines(t *testing.T, conn *pgx.Conn, query string) []string {
	t.Helper()
	found := lines(t, conn, query)
	slices.Sort(found)
	return found
}
