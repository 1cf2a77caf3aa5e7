package tests

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDemo_ShowsLifeAndLeavesNothingBehind runs README's first command to its end.
func TestDemo_ShowsLifeAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	temporary := t.TempDir()
	s := startService(t, []string{"TMPDIR=" + temporary}, "demo", "--tick=100ms")
	first := s.metrics(t)
	for key, report := range first["sections"].(map[string]any) {
		assert.Equal(t, "ok", report.(map[string]any)["status"], key)
	}
	assert.NotEmpty(t, first["stages"])
	assert.NotNil(t, at2(first, "queue", "breaker"))
	assert.NotNil(t, at2(first, "queue", "worker_updated_at"))
	assert.Positive(t, at2(first, "cost", "aggregate").(map[string]any)["cost_usd"])

	var pids []int
	seen := map[any]float64{} // ticks at first sight, by start
	require.Eventually(t, func() bool {
		grown := false
		for _, agent := range s.metrics(t)["agents"].([]any) {
			pid, spawned := agent.(map[string]any)["pid"].(float64)
			process, _ := agent.(map[string]any)["process"].(map[string]any)
			if !spawned || process["status"] != "ok" {
				continue
			}
			pids = append(pids, int(pid))
			before, known := seen[pid]
			grown = grown || known && ticksOf(agent) > before
			if !known {
				seen[pid] = ticksOf(agent)
			}
		}
		return grown
	}, time.Minute, 50*time.Millisecond, "an agent's cpu_ticks grow between two scrapes")

	require.NoError(t, s.cmd.Process.Signal(syscall.SIGINT))
	require.Eventually(t, func() bool {
		for _, pid := range pids {
			if syscall.Kill(pid, 0) == nil {
				return false
			}
		}
		left, err := filepath.Glob(filepath.Join(temporary, "*"))
		return err == nil && len(left) == 0
	}, time.Minute, 50*time.Millisecond, "Ctrl-C leaves no process and no file behind")
	_, err := os.Stat(temporary)
	require.NoError(t, err)
}
