package tests

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/demo"
)

// TestDemo_Profiles: each profile of SQLite files that comes with the program is seen
// working, through work that is done and work that fails: one in one command, the others in this process.
func TestDemo_Profiles(t *testing.T) {
	t.Parallel()
	names := map[string][]string{}
	for _, p := range orchmetrics.Profiles() {
		text, err := orchmetrics.ProfileText(p.Name)
		require.NoError(t, err)
		engine := demo.SQLite
		if bytes.Contains(text, []byte("postgres://")) { // which needs a server
			engine = demo.Postgres
		}
		names[engine] = append(names[engine], p.Name)
		page, err := os.ReadFile("../docs/profiles/" + p.Name + ".md")
		require.NoError(t, err)
		assert.Contains(t, string(page), "`api demo --profile "+p.Name+map[string]string{demo.SQLite: "`", demo.Postgres: " --postgres "}[engine])
	}
	assert.Equal(t, names[demo.Postgres], demo.Profiles(demo.Postgres), "each has its miniature")
	assert.Equal(t, names[demo.SQLite], demo.Profiles(demo.SQLite), "each has its miniature")
	for _, name := range names[demo.SQLite] {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const tick = 10 * time.Millisecond
			var answer func() []byte
			if name == "hermes" {
				s := startService(t, []string{"TMPDIR=" + t.TempDir()}, "demo", "--profile", name, "--tick", tick.String())
				answer = func() []byte {
					_, body := s.get(t, "/metrics")
					return body
				}
			} else {
				answer = miniature(t, name, tick)
			}
			plays(t, answer, name == "hermes")
		})
	}
}

// miniature plays an orchestrator, and returns what the service over it answers.
func miniature(t *testing.T, name string, tick time.Duration) (answer func() []byte) {
	t.Helper()
	m, err := demo.StartMiniature(t.Context(), name, demo.Options{Tick: tick, Seed: 1})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Stop()) })
	cfg := orchmetrics.DefaultConfig()
	cfg.Profile, cfg.DB = name, m.DB()
	server, err := orchmetrics.InitializeServer(cfg)
	require.NoError(t, err)
	return func() []byte { return ask(t, server.Handler(), "/metrics") }
}

// plays expects what an orchestrator in miniature shows, which keeps pids of this host
// or none.
func plays(t *testing.T, answer func() []byte, pids bool) {
	t.Helper()
	read := func() (e domain.Envelope) {
		require.NoError(t, json.Unmarshal(answer(), &e))
		wellRead(t, e)
		return e
	}
	first := read()
	assert.NotEmpty(t, first.Stages)
	require.NotEmpty(t, first.Agents)
	for _, a := range first.Agents {
		assert.Equal(t, pids, a.PID != nil, "it keeps pids of this host, or none")
	}
	if pids {
		require.Eventually(t, func() bool { // unless one has just ended
			return !slices.ContainsFunc(read().Agents, func(a domain.Agent) bool { return a.Process == nil || a.Process.Status != domain.ProcessOK })
		}, time.Minute, 10*time.Millisecond, "all processes are seen")
	}
	require.Eventually(t, func() bool {
		now := read()
		return now.Queue.Counts["done"] > first.Queue.Counts["done"] &&
			(now.Queue.Counts["failed"] > 0 || now.Queue.Retries != nil && now.Queue.Retries.RetriesTotal > 0)
	}, time.Minute, 100*time.Millisecond, "work is done, and work fails")
}
