package tests

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/doctor"
)

// TestDoctor_WorkerState: what of the worker's snapshot can be read, how old it is,
// and what is wrong with the rest of it.
func TestDoctor_WorkerState(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "worker.json")
	found := func() doctor.Result {
		return of(t, surgery{env: []string{"ORCH_DB=/nowhere", "ORCH_WORKER_STATE_FILE=" + path}}.examine(t, "--json").report(t), "worker_state")
	}
	write := func(content string) {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		long := time.Now().AddDate(0, 0, -30)
		require.NoError(t, os.Chtimes(path, long, long))
	}
	write(`{"max_concurrency":4.0}`)
	assert.Equal(t, doctor.OK, found().Status)
	assert.Contains(t, found().Message, ": written 720h0m")
	assert.NotContains(t, found().Message, "updated_at", "it does not say so")

	write(`{"max_concurrency":"` + secret + `","poll_interval":2,"updated_at":"now"}`)
	assert.Equal(t, doctor.Warning, found().Status)
	assert.Contains(t, found().Message, "; null are: max_concurrency is no whole number of 64 bits, updated_at is no time of RFC 3339")
	assert.NotEmpty(t, found().Do)

	require.NoError(t, os.Remove(path))
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	assert.Equal(t, doctor.Failed, found().Status)
	assert.Contains(t, found().Message, "not a regular file")
}
