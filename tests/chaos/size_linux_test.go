package chaos

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSize_RunningJobs: 10,000 running jobs, half of whose processes are dead. It
// is not run beside others: what an answer took is reported, and decides nothing.
func TestSize_RunningJobs(t *testing.T) {
	large.try(t, "10,000 running jobs", func(t *testing.T) {
		const jobs = 10_000
		s := serve(t, running(t, jobs))
		for range 3 {
			a, err := s.ask("GET", "/metrics")
			require.NoError(t, err)
			e, err := a.read()
			require.NoError(t, err)
			require.Equal(t, shows("first"), e.summary(), s.logged())
			require.Equal(t, map[any]int{"ok": jobs / 2, "gone": jobs / 2}, e.processes())
			require.InDelta(t, jobs, e.at("sections", "agents", "rows"), 0)
			require.InDelta(t, jobs, e.at("sections", "cost", "rows"), 0)
			large.measuredf(t, "10,000 running jobs, half of them dead: %s; a section may take %s by default", a.took, timeout)
		}
		text, err := s.ask("GET", "/metrics/prometheus")
		require.NoError(t, err)
		for _, family := range []string{"orchestrator_agent_info", "orchestrator_agent_process_status", "orchestrator_run_cost_usd"} {
			require.GreaterOrEqual(t, bytes.Count(text.body, []byte("\n"+family+"{")), jobs, family)
		}
		large.measuredf(t, "10,000 running jobs as text for Prometheus: %.1f MB in %s", float64(len(text.body))/1e6, text.took)
	})
}

// running makes a database of many running jobs, half of them of living processes.
func running(t *testing.T, jobs int) *place {
	t.Helper()
	p := seeded(t)
	living, dead := pids(t, jobs/2)
	var rows []string
	for i := range jobs {
		pid := dead[i/2]
		if i%2 == 0 {
			pid = living[i/2%len(living)]
		}
		rows = append(rows, fmt.Sprintf("(%d, 'developer', 'running', 1, %d, %d, datetime('now'))", 100+i, 100+i, pid))
	}
	o := start(t, p)
	o.run("BEGIN; DELETE FROM jobs; INSERT INTO jobs (id, agent, status, attempts, run_id, pid, started_at) VALUES %s;", strings.Join(rows, ","))
	o.run("INSERT INTO agent_runs (id, model, cost_usd) SELECT id, 'claude-opus-4-8', 0.5 FROM jobs; COMMIT;")
	return p
}

// processes counts the agents by the status of their processes.
func (e envelope) processes() map[any]int {
	statuses := map[any]int{}
	agents, _ := e["agents"].([]any)
	for i := range agents {
		statuses[e.at("agents", i, "process", "status")]++
	}
	return statuses
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
		large.measuredf(t, "100,000 active tasks: %s", a.took)
		assert.Len(t, e["stages"], 10_000)
		assert.Equal(t, true, e.at("sections", "stages", "truncated"))
		assert.InDelta(t, 10_000, e.at("sections", "stages", "rows"), 0)
		assert.InDelta(t, 100+9_998, e.at("stages", 9_999, "task_id"), 0)
	})
}

// pids returns those of some living processes, and many of none.
func pids(t *testing.T, many int) (living, dead []int) {
	t.Helper()
	for range 20 {
		child := exec.Command("sleep", "600")
		require.NoError(t, child.Start())
		t.Cleanup(func() {
			_ = child.Process.Kill()
			_ = child.Wait()
		})
		living = append(living, child.Process.Pid)
	}
	const limit = 4 << 20 // of the kernel: no process ever gets it, or one above
	for i := range many {
		dead = append(dead, limit+i)
	}
	return living, dead
}
