package perf

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
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

// TestServers_AnswerTheSame: a baseline that answered something else, or less, would
// prove nothing.
func TestServers_AnswerTheSame(t *testing.T) {
	t.Parallel()
	agents := newAgents(t)
	require.NoError(t, agents[0].close())
	var err error
	agents[0], err = startChild(exec.Command("sh", "-c", "cat; true")) // waits for its child
	require.NoError(t, err)
	w := newWorldOf(t, small(t), Of(2000), true, agents)
	service := started(t)(StartService(program(t), w.DB))
	naive := started(t)(StartNaive(w.DB))
	for range 3 {
		var want, got map[string]any
		for range 100 { // within one second the ages are the same, and agents that have just started come to rest
			want, got = get(t, service), get(t, naive)
			body, err := json.Marshal(want)
			require.NoError(t, err)
			contracttest.Validate(t, body)
			if want, got = untimed(want), untimed(got); assert.ObjectsAreEqual(want, got) {
				break
			}
		}
		assert.Len(t, got, len(want))
		for key, value := range want {
			assert.Equal(t, value, got[key], key)
		}
		assert.Len(t, want["stages"], 200)
		assert.Len(t, want["agents"], 16)
		var processes float64
		for _, agent := range want["agents"].([]any) {
			processes += agent.(map[string]any)["process"].(map[string]any)["tree_processes"].(float64)
		}
		assert.InDelta(t, 17, processes, 0)
		for range 10 {
			require.NoError(t, w.Step())
		}
	}
}

// untimed has the types of those values in their places that no two answers share.
func untimed(envelope map[string]any) map[string]any {
	blur := func(object any, keys ...string) {
		values := object.(map[string]any)
		for _, key := range keys {
			if value, shown := values[key]; shown {
				values[key] = fmt.Sprintf("%T", value)
			}
		}
	}
	blur(envelope["clock"], "unix_ms", "boottime_ms")
	blur(envelope["instance"], "id", "started_at", "version")
	for _, report := range envelope["sections"].(map[string]any) {
		blur(report, "duration_ms", "recounted_at")
	}
	for _, agent := range envelope["agents"].([]any) {
		blur(agent.(map[string]any)["process"], "sampled_boottime_ms")
	}
	return envelope
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
	file, err := FileMemory(os.Getpid())
	require.NoError(t, err)
	assert.Positive(t, file)
	assert.Less(t, file, peak)
	_, err = memory(os.Getpid(), "VmNone")
	require.ErrorContains(t, err, "VmNone")
}
