package perf

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/contract/contracttest"
)

func get(t *testing.T, s *Server) map[string]any {
	t.Helper()
	client, err := s.Dial()
	require.NoError(t, err)
	defer client.Close()
	body, err := client.Get("/metrics")
	require.NoError(t, err)
	var envelope map[string]any
	require.NoError(t, json.Unmarshal(body, &envelope), "%s", body)
	return envelope
}

func started(t *testing.T) func(s *Server, err error) *Server {
	t.Helper()
	return func(s *Server, err error) *Server {
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s
	}
}

// TestServers_AnswerTheSame: a baseline that answered something else would prove
// nothing.
func TestServers_AnswerTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, small(t), Of(2000), true)
	service := started(t)(StartService(program(t), w.DB))
	naive := started(t)(StartNaive(w.DB))
	for range 3 {
		want, got := get(t, service), get(t, naive)
		body, err := json.Marshal(want)
		require.NoError(t, err)
		contracttest.Validate(t, body)
		assert.Len(t, want["stages"], 200)
		assert.Len(t, want["agents"], 16)
		for _, agents := range []any{want["agents"], got["agents"]} {
			for _, agent := range agents.([]any) {
				assert.NotNil(t, agent.(map[string]any)["cpu_ticks"])
				delete(agent.(map[string]any), "process") // reads less
				delete(agent.(map[string]any), "runtime_s")
				delete(agent.(map[string]any), "host") // of which these tables know nothing
			}
		}
		for _, stages := range []any{want["stages"], got["stages"]} {
			for _, stage := range stages.([]any) {
				delete(stage.(map[string]any), "age_in_stage_s") // a second may have passed
			}
		}
		delete(want["queue"].(map[string]any), "worker_updated_at")
		assert.Equal(t, want["stages"], got["stages"])
		assert.Equal(t, want["queue"], got["queue"])
		assert.Equal(t, want["agents"], got["agents"])
		assert.Equal(t, want["cost"], got["cost"])
		for range 10 {
			require.NoError(t, w.Step())
		}
	}
}

// TestOpens_CountsEveryRead: one connection a scrape of a database that changed.
func TestOpens_CountsEveryRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, small(t), Of(1000), true)
	service := started(t)(StartService(program(t), w.DB, "ORCH_RECOUNT_BUDGET=0", "ORCH_SECTION_TIMEOUT=1m"))
	get(t, service)
	opens, err := WatchOpens(w.DB)
	require.NoError(t, err)
	for range 20 {
		require.NoError(t, w.Step())
		get(t, service)
	}
	count, err := opens.Stop()
	require.NoError(t, err)
	assert.EqualValues(t, 20, count)
}

func TestProcess_IsMeasured(t *testing.T) {
	t.Parallel()
	began := time.Now()
	for time.Since(began) < 30*time.Millisecond { // burning CPU is the point
	}
	used, err := CPU(os.Getpid())
	require.NoError(t, err)
	assert.Positive(t, used)
	peak, err := PeakMemory(os.Getpid())
	require.NoError(t, err)
	assert.Greater(t, peak, int64(1<<20))
}
