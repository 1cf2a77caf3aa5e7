package tests

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/doctor"
	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

// TestPostgresClock: a server whose clock is an hour ahead, or behind, is read all the
// same. Ages are counted to this host's clock, below 0 if need be, and never cut.
func TestPostgresClock(t *testing.T) {
	t.Parallel()
	library, _ := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if len(library) == 0 {
		t.Skip("needs libfaketime, to start a server with another clock (Debian: apt-get install faketime)")
	}
	server := postgrestest.New(t)
	db := server.NewDatabase(t)
	script := read(t, "adapters/sqlstore/testdata/postgres.sql")
	postgrestest.Exec(t, db.Writer(t), script, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO metrics")
	location := "ORCH_DB=" + db.Reader()
	s := startService(t, []string{location}, "serve")
	pid := startChild(t, "idle", "agent").Process.Pid
	for offset, ahead := range map[string]float64{"+1h": 3600, "-1h": -3600} {
		require.NoError(t, server.Stop("fast"))
		server.Env = []string{"LD_PRELOAD=" + library[0], "FAKETIME=" + offset, "FAKETIME_DONT_FAKE_MONOTONIC=1"}
		require.NoError(t, server.Start())
		conn := server.Connect(t, "orchestrator", db.Name)
		postgrestest.Exec(t, conn, "TRUNCATE tasks, jobs, agent_runs", "INSERT INTO tasks (stage) VALUES ('review')")
		_, err := conn.Exec(t.Context(), "INSERT INTO jobs (status, pid, started_at) VALUES ('running', $1, now())", pid)
		require.NoError(t, err)

		s.metrics(t)
		envelope := s.metrics(t)
		for key, report := range envelope["sections"].(map[string]any) {
			assert.Contains(t, []any{"ok", "degraded"}, valueAt(report, "status"), "%s: %s: %v", offset, key, report)
		}
		assert.InDelta(t, -ahead, valueAt(envelope, "stages", 0, "age_in_stage_s"), 60)
		assert.InDelta(t, -ahead, valueAt(envelope, "agents", 0, "runtime_s"), 60)
		assert.InDelta(t, -ahead, valueAt(envelope, "agents", 0, "process", "started_after_job_s"), 60, "the process was started by this host's clock")

		found := of(t, surgery{env: []string{location}}.examine(t, "--json").report(t), "database")
		assert.Equal(t, doctor.Warning, found.Status)
		assert.Contains(t, found.Message, map[string]string{"+1h": "its clock is 1h0m0s ahead of this host's", "-1h": "its clock is 1h0m0s behind this host's"}[offset])
	}
}
