package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// valueAt is the value at a path of keys and places in decoded JSON; nil if there is
// none.
func valueAt(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

// kernelThread is the pid of a thread of the kernel, which a container does not see.
func kernelThread(t *testing.T) int {
	t.Helper()
	const kthreadd = 2 // the parent of all others
	comm, err := os.ReadFile("/proc/2/comm")
	if err != nil || string(comm) != "kthreadd\n" {
		t.Skip("needs the host's pid namespace, to see a thread of the kernel")
	}
	return kthreadd
}

// agentsOf runs the program over running jobs with these pids, which all began
// startedAt, and returns the agents of its answer.
func agentsOf(t *testing.T, startedAt string, env []string, pids ...int) []map[string]any {
	t.Helper()
	db := newDatabase(t, "schema.sql")
	for i, pid := range pids {
		execute(t, db, fmt.Sprintf("INSERT INTO jobs (id, agent, status, pid, started_at) VALUES (%d, 'developer', 'running', %d, datetime('now', '%s'))", i+1, pid, startedAt))
	}
	envelope := startService(t, append(env, "ORCH_DB="+db), "serve").metrics(t)
	assert.Equal(t, "ok", valueAt(envelope, "sections", "agents", "status"))
	var agents []map[string]any
	for _, agent := range envelope["agents"].([]any) {
		agents = append(agents, agent.(map[string]any))
	}
	require.Len(t, agents, len(pids))
	return agents
}

// TestStrangers: a pid that is not of the agent shows as what it is. A thread of the
// kernel has no ticks; of any other process one sees when it started, and so of
// process 1, of one that got the pid later, and of one whose clock is another.
func TestStrangers(t *testing.T) {
	t.Parallel()
	agent := startChild(t, "idle", "agent").Process.Pid
	for startedAt, apart := range map[string]float64{"0 seconds": 0, "-1 hour": 3600, "+1 hour": -3600} {
		agents := agentsOf(t, startedAt, nil, agent, kernelThread(t), 1, 1<<22)
		assert.Equal(t, "ok", valueAt(agents[0], "process", "status"))
		assert.InDelta(t, apart, valueAt(agents[0], "process", "started_after_job_s"), 60, "a slow machine may take its time")
		assert.NotNil(t, agents[0]["cpu_ticks"])

		assert.Equal(t, "foreign", valueAt(agents[1], "process", "status"))
		assert.Nil(t, agents[1]["cpu_ticks"])
		for key, value := range agents[1]["process"].(map[string]any) {
			assert.True(t, key == "status" || value == nil, "%s of a thread of the kernel", key)
		}

		uptime := time.Since(bootedAt(t)).Seconds()
		assert.Equal(t, "ok", valueAt(agents[2], "process", "status"))
		assert.InDelta(t, apart-uptime, valueAt(agents[2], "process", "started_after_job_s"), 60)

		assert.Equal(t, "gone", valueAt(agents[3], "process", "status"))
		assert.Nil(t, valueAt(agents[3], "process", "started_after_job_s"))
	}
}

// bootedAt is when process 1 started, as far as the whole host tells.
func bootedAt(t *testing.T) time.Time {
	t.Helper()
	var seconds float64
	text, err := os.ReadFile("/proc/uptime")
	require.NoError(t, err)
	_, err = fmt.Sscan(string(text), &seconds)
	require.NoError(t, err)
	return time.Now().Add(-time.Duration(seconds * float64(time.Second)))
}

// TestHiddenAgent: with hidepid=2, in a pid namespace whose process 1 is the service
// itself, a live agent of another user is not taken for one that is gone.
func TestHiddenAgent(t *testing.T) {
	t.Parallel()
	if err := exec.CommandContext(t.Context(), "unshare", "--mount", "--pid", "--fork", "true").Run(); err != nil {
		t.Skip("may not make namespaces: ", err)
	}
	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Skip("needs setpriv, to become another user (Debian: apt-get install util-linux)")
	}
	db := newDatabase(t, "schema.sql")
	execute(t, db, "INSERT INTO jobs (id, status, pid) VALUES (1, 'running', 2), (2, 'running', 1), (3, 'running', 4194304)")
	grant(t, filepath.Dir(db), 0o755, 0o644)
	proc := t.TempDir()
	grant(t, proc, 0o755, 0o644)
	script := `sleep 600 & mount -t proc -o hidepid=2 proc "$PLACE" && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"`
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--pid", "--fork", "sh", "-c", script, "sh", publicProgram(t), "snapshot", "--section", "agents")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "ORCH_DB="+db, "ORCH_PROC_ROOT="+proc, "PLACE="+proc)
	cmd.Stderr = os.Stderr
	body, err := cmd.Output()
	require.NoError(t, err)
	var read map[string]any
	require.NoError(t, json.Unmarshal(body, &read))
	agents := valueAt(read, "agents")
	assert.Equal(t, "hidden", valueAt(agents, 0, "process", "status"))
	assert.Nil(t, valueAt(agents, 0, "cpu_ticks"))
	assert.Equal(t, "ok", valueAt(agents, 1, "process", "status"), "the service itself")
	assert.Nil(t, valueAt(agents, 1, "process", "tree_cpu_ticks"), "below which there is what it may not see")
	assert.Equal(t, "gone", valueAt(agents, 2, "process", "status"))
}
