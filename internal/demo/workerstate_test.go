package demo_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/demo"
)

// workerFile is the worker's state as a stranger reads it.
type workerFile struct {
	Breaker *struct {
		State    string  `json:"state"`
		Failures *int    `json:"failures"`
		OpenedAt *string `json:"opened_at"`
	} `json:"breaker"`
	MaxConcurrency *int     `json:"max_concurrency"`
	PollInterval   *float64 `json:"poll_interval"`
	UpdatedAt      *string  `json:"updated_at"`
}

func TestWorkerStateIsAlwaysWhole(t *testing.T) {
	o := start(t, demo.Options{Tick: 10 * time.Millisecond})
	var last os.FileInfo
	deadline := time.Now().Add(patient)
	for versions := 0; versions < 50; {
		require.True(t, time.Now().Before(deadline), "it was rewritten %d times only", versions)
		content, err := os.ReadFile(o.WorkerStateFile())
		require.NoError(t, err)
		checkWorkerFile(t, content)
		info, err := os.Stat(o.WorkerStateFile())
		require.NoError(t, err)
		if last == nil || !os.SameFile(last, info) || !last.ModTime().Equal(info.ModTime()) {
			versions++
			last = info
		}
	}
}

func checkWorkerFile(t *testing.T, content []byte) {
	t.Helper()
	var w workerFile
	require.NoError(t, json.Unmarshal(content, &w), "%s", content)
	require.NotNil(t, w.Breaker)
	require.Contains(t, []string{"closed", "open", "half_open"}, w.Breaker.State)
	require.NotNil(t, w.Breaker.Failures)
	require.Equal(t, w.Breaker.State == "closed", w.Breaker.OpenedAt == nil)
	require.NotNil(t, w.MaxConcurrency)
	assert.Equal(t, 4, *w.MaxConcurrency)
	require.NotNil(t, w.PollInterval)
	assert.InDelta(t, 0.01, *w.PollInterval, 1e-9)
	require.NotNil(t, w.UpdatedAt)
	at, err := time.Parse("2006-01-02T15:04:05Z", *w.UpdatedAt)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), at, patient)
}
