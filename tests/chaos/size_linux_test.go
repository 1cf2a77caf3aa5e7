package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSize_RunningJobs: 10,000 running jobs, half of whose processes are dead.
func TestSize_RunningJobs(t *testing.T) {
	t.Parallel()
	large.try(t, "10,000 running jobs", func(t *testing.T) {
		const jobs = 10_000
		p := seeded(t)
		o := start(t, p)
		living, dead := pids(t, jobs/2)
		var rows []string
		for i := range jobs {
			pid := dead[i/2]
			if i%2 == 0 {
				pid = living[i/2%len(living)]
			}
			rows = append(rows, fmt.Sprintf("(%d, 'developer', 'running', 1, %d, %d, datetime('now'))", 100+i, 100+i, pid))
		}
		o.run("BEGIN; DELETE FROM jobs; INSERT INTO jobs (id, agent, status, attempts, run_id, pid, started_at) VALUES %s;", strings.Join(rows, ","))
		o.run("INSERT INTO agent_runs (id, model, cost_usd) SELECT id, 'claude-opus-4-8', 0.5 FROM jobs; COMMIT;")
		s := serve(t, p)
		for range 3 {
			a, err := s.ask("GET", "/metrics")
			require.NoError(t, err)
			e, err := a.read()
			require.NoError(t, err)
			require.Equal(t, shows("first"), e.summary(), s.logged())
			large.measured(t, "10,000 running jobs, half of them dead: %s", a.took)
			assert.Less(t, a.took, 2*timeout)
			statuses := map[any]int{}
			for i := range jobs {
				statuses[e.at("agents", i, "process", "status")]++
			}
			assert.Equal(t, map[any]int{"ok": jobs / 2, "gone": jobs / 2}, statuses)
			assert.InDelta(t, jobs, e.at("sections", "cost", "rows"), 0)
			assert.Equal(t, false, e.at("sections", "agents", "truncated"))
		}
	})
}

// TestSize_ActiveTasks: a list is cut at the row cap, and says so.
func TestSize_ActiveTasks(t *testing.T) {
	t.Parallel()
	large.try(t, "100,000 active tasks", func(t *testing.T) {
		p := seeded(t)
		o := start(t, p)
		o.run(`WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i+1 FROM n LIMIT 100000)
			INSERT INTO tasks (id, work_item_id, repo, stage) SELECT i, 'ORCH-' || i, 'first', 'development' FROM n;`)
		s := serve(t, p)
		a, err := s.ask("GET", "/metrics")
		require.NoError(t, err)
		e, err := a.read()
		require.NoError(t, err)
		require.Equal(t, shows("first"), e.summary(), s.logged())
		large.measured(t, "100,000 active tasks: %s", a.took)
		assert.Less(t, a.took, 2*timeout)
		assert.Len(t, e["stages"], 10_000)
		assert.Equal(t, true, e.at("sections", "stages", "truncated"))
		assert.InDelta(t, 10_000, e.at("sections", "stages", "rows"), 0)
		assert.InDelta(t, 100+9_998, e.at("stages", 9_999, "task_id"), 0)
	})
}

// pids returns those of some living processes, and many of none.
func pids(t *testing.T, many int) (living, dead []int) {
	t.Helper()
	living = append(living, os.Getpid())
	for range 20 {
		child := exec.Command("sleep", "600")
		require.NoError(t, child.Start())
		t.Cleanup(func() {
			_ = child.Process.Kill()
			_ = child.Wait()
		})
		living = append(living, child.Process.Pid)
	}
	// Just below the highest, where the kernel has not been yet.
	limit := 4 << 20
	text, err := os.ReadFile("/proc/sys/kernel/pid_max")
	require.NoError(t, err)
	_, err = fmt.Sscan(string(text), &limit)
	require.NoError(t, err)
	for pid := limit - 1; len(dead) < many; pid-- {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); os.IsNotExist(err) {
			dead = append(dead, pid)
		}
	}
	return living, dead
}
