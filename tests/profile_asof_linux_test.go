package tests

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestProfile_AsOf: what a profile shows again is as old as its as_of says. A job ends
// each few milliseconds, so that the number of ended jobs tells when it was read.
func TestProfile_AsOf(t *testing.T) {
	t.Parallel()
	profile := filepath.Join(t.TempDir(), "paced.yaml")
	require.NoError(t, os.WriteFile(profile, []byte(`profile: 1
name: paced
databases: {main: orch.db}
counts: {sql: "SELECT status, count(*) AS jobs FROM jobs GROUP BY status"}
`), 0o600))
	db := filepath.Join(t.TempDir(), "orch.db")
	w := startWriter(t, db)
	w.run("CREATE TABLE jobs (id INTEGER PRIMARY KEY, status TEXT);")
	s := startService(t, []string{"ORCH_DB=" + db, "ORCH_PROFILE=" + profile, "ORCH_RECOUNT_BUDGET=1%"}, "serve")

	ended := []time.Time{time.Now()}  // by when so many jobs had ended
	fresh := map[int64][2]time.Time{} // the scrape that read a number: asked at, answered at
	again := 0
	for deadline := time.Now().Add(time.Minute); again < 20 || len(fresh) < 3; {
		require.True(t, time.Now().Before(deadline), "%d shown again, %d read", again, len(fresh))
		w.run("INSERT INTO jobs (status) VALUES ('done'); SELECT 'ended';")
		ended = append(ended, time.Now())
		asked := time.Now()
		envelope := (&profiled{t: t, service: s}).envelope()
		n := envelope.Queue.Counts["done"]
		report := envelope.Sections["queue"]
		if report.AsOf == nil {
			assert.Equal(t, int64(len(ended)-1), n, "what is of this scrape")
			fresh[n] = [2]time.Time{asked, time.Now()}
			continue
		}
		again++
		require.Contains(t, fresh, n)
		assert.False(t, report.AsOf.Before(fresh[n][0].Truncate(time.Second)), "as_of is before its scrape")
		assert.False(t, report.AsOf.After(fresh[n][1]), "as_of is after its scrape")
		if int(n)+1 < len(ended) {
			assert.False(t, report.AsOf.After(ended[n+1]), "a job had ended by then that is not shown")
		}
	}
}
