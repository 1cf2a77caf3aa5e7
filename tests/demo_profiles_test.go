package tests

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/demo"
)

// TestDemo_Profiles: each profile that comes with the program is seen working in one
// command, through work that is done and work that fails.
func TestDemo_Profiles(t *testing.T) {
	t.Parallel()
	var names []string
	for _, p := range orchmetrics.Profiles() {
		names = append(names, p.Name)
	}
	assert.Equal(t, names, demo.Profiles(), "each has its miniature")
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startService(t, []string{"TMPDIR=" + t.TempDir()}, "demo", "--profile", name, "--tick=20ms")
			read := func() (e domain.Envelope) {
				_, body := s.get(t, "/metrics")
				require.NoError(t, json.Unmarshal(body, &e))
				return e
			}
			first := read()
			wellRead(t, first)
			assert.NotEmpty(t, first.Stages)
			require.NotEmpty(t, first.Agents)
			for _, a := range first.Agents {
				if slices.Contains([]string{"hermes"}, name) {
					require.NotNil(t, a.Process)
					assert.Equal(t, domain.ProcessOK, a.Process.Status)
				} else {
					assert.Nil(t, a.PID, "it keeps no pid of this host")
				}
			}
			require.Eventually(t, func() bool {
				now := read()
				wellRead(t, now)
				return now.Queue.Counts["done"] > first.Queue.Counts["done"] &&
					(now.Queue.Counts["failed"] > 0 || now.Queue.Retries != nil && now.Queue.Retries.RetriesTotal > 0)
			}, time.Minute, 100*time.Millisecond, "work is done, and work fails")
		})
	}
}
