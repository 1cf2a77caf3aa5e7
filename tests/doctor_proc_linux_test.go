package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/doctor"
)

// TestDoctor_Processes: the process of a job is told from one that is gone, and
// from another that has its pid now.
func TestDoctor_Processes(t *testing.T) {
	t.Parallel()
	agent := startChild(t, "idle", "agent")
	ended := startChild(t, "idle", "ended")
	require.NoError(t, ended.Process.Kill())
	_ = ended.Wait()
	db := newDatabase(t, "schema.sql")
	job := func(id, pid int, started string) string {
		return fmt.Sprintf("INSERT INTO jobs (id, status, pid, started_at) VALUES (%d, 'running', %d, datetime('now', '%s'))", id, pid, started)
	}
	execute(t, db, job(1, agent.Process.Pid, "0 seconds"), job(2, agent.Process.Pid, "-1 hour"), job(3, agent.Process.Pid, "+1 hour"),
		job(4, ended.Process.Pid, "0 seconds"), "INSERT INTO jobs (id, status) VALUES (5, 'running')")
	result := of(t, surgery{env: []string{"ORCH_DB=" + db}}.examine(t, "--json").report(t), "proc")
	assert.Equal(t, doctor.Warning, result.Status)
	assert.Contains(t, result.Message, "of 5 running jobs 1 have a process that started when they did")
	require.Len(t, result.Details, 5)
	for i, want := range []string{
		`its process \d+ started when it did`, `its process \d+ started (59m|1h).* after it: another process has the pid now`,
		`its process \d+ started (59m|1h).* before it`, `its process \d+ is gone`, `has no pid yet`,
	} {
		assert.Regexp(t, want, result.Details[i].Message)
	}
}

// TestDoctor_ForeignAgents: what the agents of another user read and write is not shown,
// and is null in the answers.
func TestDoctor_ForeignAgents(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("setpriv"); err != nil || os.Geteuid() != 0 {
		t.Skip("needs root and setpriv, to become another user (Debian: apt-get install util-linux)")
	}
	agent := startChild(t, "idle", "agent")
	db := newDatabase(t, "schema.sql")
	execute(t, db, fmt.Sprintf("INSERT INTO jobs (id, status, pid, started_at) VALUES (1, 'running', %d, datetime('now'))", agent.Process.Pid))
	message := func(s surgery) string {
		s.env = []string{"ORCH_DB=" + db}
		return of(t, s.examine(t, "--json").report(t), "proc").Details[0].Message
	}
	assert.Regexp(t, `^its process \d+ started when it did$`, message(surgery{}))
	grant(t, filepath.Dir(db), 0o755, 0o644)
	stranger := surgery{program: publicProgram(t), dir: "/", under: []string{"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"}}
	assert.Regexp(t, `started when it did; what it reads and writes is not for uid 65534 to see$`, message(stranger))
}

// TestDoctor_KernelThread: a pid that is a thread of the kernel is of another host or
// pid namespace.
func TestDoctor_KernelThread(t *testing.T) {
	t.Parallel()
	pid := kernelThread(t)
	db := newDatabase(t, "schema.sql")
	execute(t, db, fmt.Sprintf("INSERT INTO jobs (id, status, pid, started_at) VALUES (1, 'running', %d, datetime('now'))", pid))
	result := of(t, surgery{env: []string{"ORCH_DB=" + db}}.examine(t, "--json").report(t), "proc")
	assert.Equal(t, doctor.Warning, result.Status)
	assert.Contains(t, result.Message, "of 1 running jobs 0 have")
	assert.Contains(t, result.Details[0].Message, "is a thread of the kernel, and no agent")
	assert.Contains(t, result.Do, "share its pid namespace")
}

// TestDoctor_NoJobs: a database that can be read, and has no table of jobs.
func TestDoctor_NoJobs(t *testing.T) {
	t.Parallel()
	db := newDatabase(t, "schema.sql")
	execute(t, db, "DROP TABLE jobs")
	result := of(t, surgery{env: []string{"ORCH_DB=" + db}}.examine(t, "--json").report(t), "proc")
	assert.Equal(t, doctor.OK, result.Status, "schema tells of it")
	assert.Contains(t, result.Message, "the jobs cannot be read")
}

// TestDoctor_HiddenProcesses: with hidepid, and in another pid namespace, the
// agents are not found.
func TestDoctor_HiddenProcesses(t *testing.T) {
	t.Parallel()
	if err := exec.CommandContext(t.Context(), "unshare", "--mount", "--pid", "--fork", "--mount-proc", "true").Run(); err != nil {
		t.Skip("may not make namespaces: ", err)
	}
	agent := startChild(t, "idle", "agent")
	db := newDatabase(t, "schema.sql")
	execute(t, db, fmt.Sprintf("INSERT INTO jobs (id, status, pid, started_at) VALUES (1, 'running', %d, datetime('now'))", agent.Process.Pid))
	env := []string{"ORCH_DB=" + db}

	apart := of(t, surgery{env: env, under: []string{"unshare", "--mount", "--pid", "--fork", "--mount-proc"}}.
		examine(t, "--json").report(t), "proc")
	assert.Equal(t, doctor.Warning, apart.Status)
	assert.Contains(t, apart.Message, "in a pid namespace of its own")
	assert.Contains(t, apart.Details[0].Message, "is gone")
	assert.Contains(t, apart.Do, "share its pid namespace")

	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Skip("needs setpriv, to become another user (Debian: apt-get install util-linux)")
	}
	grant(t, filepath.Dir(db), 0o755, 0o644)
	proc := t.TempDir()
	grant(t, proc, 0o755, 0o644)
	mount := `mount -t proc -o hidepid=2 proc "$PLACE" && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"`
	hidden := of(t, surgery{
		program: publicProgram(t), dir: "/", env: append(env, "ORCH_PROC_ROOT="+proc, "PLACE="+proc),
		under: []string{"unshare", "--mount", "sh", "-c", mount, "sh"},
	}.examine(t, "--json").report(t), "proc")
	assert.Equal(t, doctor.Warning, hidden.Status)
	assert.Contains(t, hidden.Message, "hides other users' processes from uid 65534")
	assert.Contains(t, hidden.Details[0].Message, "is hidden")
	assert.Contains(t, hidden.Do, "run as the agents' user")

	// In a pid namespace of its own, with an agent of root that has the pid 2 there.
	beside := "sleep 600 & " + mount
	execute(t, db, "UPDATE jobs SET pid = 2")
	fromOne := of(t, surgery{
		program: publicProgram(t), dir: "/", env: append(env, "ORCH_PROC_ROOT="+proc, "PLACE="+proc),
		under: []string{"unshare", "--mount", "--pid", "--fork", "sh", "-c", beside, "sh"},
	}.examine(t, "--json").report(t), "proc")
	assert.Equal(t, doctor.Warning, fromOne.Status)
	assert.Contains(t, fromOne.Message, "hides other users' processes from uid 65534", "process 1 is the program itself, and can be seen")
	assert.Contains(t, fromOne.Details[0].Message, "its process 2 is hidden")
	assert.Contains(t, fromOne.Do, "run as the agents' user")
}

// TestDoctor_LiveOrCrashed: the same files, with somebody who has them open and
// without.
func TestDoctor_LiveOrCrashed(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/locks"); err != nil {
		t.Skip("this kernel lists no locks: ", err)
	}
	message := func(db string) string {
		return of(t, surgery{env: []string{"ORCH_DB=" + db}}.examine(t, "--json").report(t), "database").Message
	}
	live := newDatabase(t, "schema.sql")
	startWriter(t, live).run("UPDATE tasks SET repo = 'web';")
	assert.Contains(t, message(live), ": live, WAL mode")
	crashed := newDatabase(t, "schema.sql")
	crash(t, crashed)
	assert.Contains(t, message(crashed), "no process in sight has it open (a crash?)")
}
