package chaos

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSize_RunningJobs: 10,000 running jobs, half of whose processes are dead. What
// an answer took is reported, and decides nothing.
func TestSize_RunningJobs(t *testing.T) {
	unlessLong(t)
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

// TestSize_Trees: 2,000 running jobs above one tree of 2,500 processes: all of them
// at its top, or below each other. What an answer took is
// reported, and decides nothing.
func TestSize_Trees(t *testing.T) {
	unlessLong(t)
	const jobs, members = 2000, 2500
	for name, nested := range map[string]int{"all at its top": 1, "many below each other": 200} {
		large.try(t, "a tree of processes, jobs "+name, func(t *testing.T) {
			chain := forest(t, members, nested)
			s := serve(t, runningAs(t, jobs, func(i int) int { return chain[i%nested] }))
			a, err := s.ask("GET", "/metrics?section=agents")
			require.NoError(t, err)
			e, err := a.read()
			require.NoError(t, err)
			require.Equal(t, map[any]int{"ok": jobs}, e.processes())
			for i := range jobs {
				require.InDelta(t, members-i%nested, e.at("agents", i, "process", "tree_processes"), 0, "of job %d", i)
			}
			large.measuredf(t, "2,000 jobs above a tree of 2,500 processes, %s: %s; a section may take %s by default", name, a.took, timeout)
		})
	}
}

// forest starts a tree of so many processes, of which so many are a chain and the
// others are below its end. It returns the pids of the chain, from the top.
func forest(t *testing.T, members, chain int) (pids []int) {
	t.Helper()
	const script = `echo $$
		if [ "$1" -gt 1 ]; then sh -c "$0" "$0" $(($1 - 1)) "$2" &
		else i=0; while [ $i -lt "$2" ]; do sleep 600 & i=$((i + 1)); done; echo grown; fi
		wait`
	cmd := exec.Command("sh", "-c", script, script, strconv.Itoa(chain), strconv.Itoa(members-chain))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "grown" {
		pid, err := strconv.Atoi(lines.Text())
		require.NoError(t, err)
		pids = append(pids, pid)
	}
	require.Len(t, pids, chain)
	return pids
}

// running makes a database of many running jobs, half of them of living processes.
func running(t *testing.T, jobs int) *place {
	t.Helper()
	living, dead := pids(t, jobs/2)
	return runningAs(t, jobs, func(i int) int {
		if i%2 == 0 {
			return living[i/2%len(living)]
		}
		return dead[i/2]
	})
}

// runningAs makes a database of many running jobs of these processes.
func runningAs(t *testing.T, jobs int, pidOf func(i int) int) *place {
	t.Helper()
	p := seeded(t)
	var rows []string
	for i := range jobs {
		pid := pidOf(i)
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
