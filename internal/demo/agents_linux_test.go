package demo_test

import (
	"database/sql"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/demo"
)

// running are the processes of the running jobs, as they are now.
func running(t *testing.T, db *sql.DB) []process {
	t.Helper()
	var all []process
	for _, pid := range runningPIDs(t, db) {
		all = append(all, look(pid))
	}
	return all
}

func TestAgentsAreThereFromTheStart(t *testing.T) {
	o := start(t, demo.Options{Tick: time.Second})
	agents := running(t, reader(t, o.DB()))
	require.Len(t, agents, 4)
	for _, kind := range []string{"busy", "idle", "waiting", "dying"} {
		require.Eventually(t, func() bool { return len(ofKind(childrenOf(t, os.Getpid()), kind)) == 1 },
			patient, often, kind)
	}
	for _, agent := range agents {
		assert.Equal(t, os.Getpid(), agent.parent)
		assert.True(t, agent.alive())
	}
}

func TestWhatAgentsDo(t *testing.T) {
	o := start(t, demo.Options{Tick: time.Second})
	db := reader(t, o.DB())
	wholeFamily(t, os.Getpid())
	agents := childrenOf(t, os.Getpid())
	busy, idle, waiting := only(t, agents, "busy"), only(t, agents, "idle"), only(t, agents, "waiting")
	grandchild := only(t, childrenOf(t, waiting.pid), "busy")
	require.Contains(t, runningPIDs(t, db), busy.pid)
	require.NotContains(t, runningPIDs(t, db), grandchild.pid)

	require.Eventually(t, func() bool {
		return look(busy.pid).ticks >= busy.ticks+20 && look(grandchild.pid).ticks >= grandchild.ticks+20
	}, patient, often, "they use the CPU")
	assert.Less(t, look(idle.pid).ticks-idle.ticks, int64(10))
	assert.Less(t, look(waiting.pid).ticks-waiting.ticks, int64(10))
}

func only(t *testing.T, all []process, kind string) process {
	t.Helper()
	some := ofKind(all, kind)
	require.Len(t, some, 1, kind)
	return some[0]
}

// TestSteadyKinds looks again and again, over several changes of the guard, for
// one living agent of each steady kind.
func TestSteadyKinds(t *testing.T) {
	o := start(t, demo.Options{})
	db := reader(t, o.DB())
	first := runningPIDs(t, db)
	met := map[int]bool{}
	diedWhileRunning := false
	for deadline := time.Now().Add(patient); len(met) < 7 || !diedWhileRunning; time.Sleep(often) {
		require.True(t, time.Now().Before(deadline), "met %d agents, first %v", len(met), first)
		for _, agent := range lookConsistently(t, db) {
			met[agent.pid] = true
			diedWhileRunning = diedWhileRunning || !agent.alive()
		}
	}
}

// lookConsistently looks at the agents of one moment and makes sure of one of
// each steady kind: one that is relieved before the look has its successor in
// the same list. Only a test that is itself held up may have to look again.
func lookConsistently(t *testing.T, db *sql.DB) []process {
	t.Helper()
	var agents []process
	for range 3 {
		agents = running(t, db)
		if len(ofKind(agents, "busy")) > 0 && len(ofKind(agents, "idle")) > 0 && len(ofKind(agents, "waiting")) > 0 {
			return agents
		}
	}
	require.Fail(t, "a kind is missing", "%+v", agents)
	return nil
}

func TestKilledAgentIsNoticed(t *testing.T) {
	o := start(t, demo.Options{})
	db := reader(t, o.DB())
	victim := runningPIDs(t, db)[0]
	job := number(t, db, `SELECT id FROM jobs WHERE status = 'running' AND pid = ?`, victim)
	run := number(t, db, `SELECT run_id FROM jobs WHERE id = ?`, job)
	require.NoError(t, syscall.Kill(victim, syscall.SIGKILL))
	require.Eventually(t, func() bool {
		return number(t, db, `SELECT count(*) FROM agent_runs WHERE id = ? AND finished_at NOT NULL`, run) == 1
	}, patient, often)
	assert.Equal(t, int64(1), number(t, db,
		`SELECT count(*) FROM agent_runs WHERE id = ? AND exit_code IS NULL AND cost_usd IS NULL`, run))
	require.Eventually(t, func() bool {
		return len(ofKind(running(t, db), "busy")) > 0
	}, patient, often, "another takes its place")
}

func TestKilledAgentTakesItsChildAlong(t *testing.T) {
	start(t, demo.Options{Tick: time.Second})
	wholeFamily(t, os.Getpid())
	waiting := only(t, childrenOf(t, os.Getpid()), "waiting")
	grandchild := only(t, childrenOf(t, waiting.pid), "busy")
	require.NoError(t, syscall.Kill(waiting.pid, syscall.SIGKILL))
	require.Eventually(t, func() bool { return !look(grandchild.pid).alive() }, patient, often)
}
