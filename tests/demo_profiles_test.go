package tests

import (
	"bytes"
	"encoding/json"
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
	var names []string
	for _, p := range orchmetrics.Profiles() {
		text, err := orchmetrics.ProfileText(p.Name)
		require.NoError(t, err)
		if !bytes.Contains(text, []byte("postgres://")) { // which needs a server
			names = append(names, p.Name)
		}
	}
	assert.Equal(t, names, demo.Profiles(), "each has its miniature")
	for _, name := range names {
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
		if !pids {
			assert.Nil(t, a.PID, "it keeps no pid of this host")
			continue
		}
		require.NotNil(t, a.Process)
		assert.Equal(t, domain.ProcessOK, a.Process.Status)
	}
	require.Eventually(t, func() bool {
		now := read()
		return now.Queue.Counts["done"] > first.Queue.Counts["done"] &&
			(now.Queue.Counts["failed"] > 0 || now.Queue.Retries != nil && now.Queue.Retries.RetriesTotal > 0)
	}, time.Minute, 100*time.Millisecond, "work is done, and work fails")
}
