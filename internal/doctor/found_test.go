package doctor

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
)

// What hangs is left behind, also when the service is to stop meanwhile.
func TestWithin_GivesUp(t *testing.T) {
	t.Parallel()
	hangs := make(chan struct{})
	defer close(hangs)
	look := func(context.Context) string { <-hangs; return "too late" }
	assert.Equal(t, "no answer within 10ms", within(t.Context(), 10*time.Millisecond, look))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Equal(t, "no answer within 1h0m0s", within(ctx, time.Hour, look))
	assert.Equal(t, "there", within(t.Context(), time.Hour, func(context.Context) string { return "there" }))
}

// What no section asks, and what is not set, is not looked at.
func TestFound_AsksNoMoreThanAScrape(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := orchmetrics.DefaultConfig()
	cfg.DB = filepath.Join(dir, "nowhere", "orchestrator.db")
	cfg.ProcRoot = filepath.Join(dir, "no-proc")
	seen := func() map[string]string {
		texts := map[string]string{}
		for _, fact := range Found(t.Context(), cfg) {
			texts[fact.Key] = fact.Value.String()
		}
		return texts
	}
	assert.Equal(t, map[string]string{
		"database": cfg.DB + ": there is no file", "worker_state": "unset", "sections_dir": "unset",
		"proc": cfg.ProcRoot + " is no proc file system, or may not be read",
	}, seen())

	cfg.WorkerStateFile, cfg.SectionsDir = filepath.Join(dir, "worker.json"), filepath.Join(dir, "sections")
	assert.Equal(t, cfg.SectionsDir+": no such file or directory", seen()["sections_dir"])
	require.NoError(t, os.Mkdir(cfg.SectionsDir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(cfg.SectionsDir, "gpu.json"), nil, 0o600))
	assert.Equal(t, cfg.SectionsDir+": 1 files", seen()["sections_dir"])
	assert.Equal(t, cfg.WorkerStateFile+": there is no file", seen()["worker_state"])

	cfg.SectionsDisabled = []string{"stages", "queue", "agents", "cost"}
	texts := seen()
	for _, source := range []string{"database", "worker_state", "proc"} {
		assert.Equal(t, "not asked: ORCH_SECTIONS_DISABLED", texts[source])
	}
}
