package procfs

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// TestTreeOfWaitingShell has an agent as the service meets it: it waits for what
// it has started, and would look stuck by its own ticks.
func TestTreeOfWaitingShell(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	shell := startAs(t, exec.Command("sh", "-c", `"$0"; exit $?`, self), "busy")
	eventually(t, shell.pid(), func(now ports.Sample) bool { return *now.Process.State == "S" })
	require.NotEqual(t, shell.pids[0], shell.pid(), "the shell did not become its child")

	first := alive(t, shell.pid())
	eventually(t, shell.pid(), func(now ports.Sample) bool {
		return *now.Process.TreeCPUTicks >= *first.Process.TreeCPUTicks+20
	})
	last := alive(t, shell.pid())
	assert.Equal(t, first.CPUTicks, last.CPUTicks)
	assert.Equal(t, first.Process.ChildrenCPUTicks, last.Process.ChildrenCPUTicks)
	assert.Equal(t, int64(2), *last.Process.TreeProcesses)
}

func TestTreeCountsAllGenerations(t *testing.T) {
	c := start(t, "parent", "parent", "busy")
	require.Len(t, c.pids, 3)
	first := alive(t, c.pid())
	assert.Equal(t, int64(3), *first.Process.TreeProcesses)
	eventually(t, c.pid(), func(now ports.Sample) bool {
		return *now.Process.TreeCPUTicks >= *first.Process.TreeCPUTicks+20
	})
	eventually(t, c.pids[1], func(now ports.Sample) bool { return *now.Process.TreeCPUTicks >= 20 })
	assert.Equal(t, int64(1), *alive(t, c.pids[2]).Process.TreeProcesses)
}

// TestTreeOfLaterThread has a child that only a thread other than the first
// lists as its own.
func TestTreeOfLaterThread(t *testing.T) {
	c := start(t, "threadparent", "sleep")
	require.Empty(t, readText(t, fmt.Sprintf("/proc/%d/task/%d/children", c.pid(), c.pid())), "the trap is there")
	assert.Equal(t, int64(2), *alive(t, c.pid()).Process.TreeProcesses)
}

// TestTreeWithoutOrphans ends the middle one of three: the last goes to another
// parent, and out of the tree.
func TestTreeWithoutOrphans(t *testing.T) {
	c := start(t, "parent", "parent", "sleep")
	require.Equal(t, int64(3), *alive(t, c.pid()).Process.TreeProcesses)
	require.NoError(t, unix.Kill(int(c.pids[1]), unix.SIGKILL))
	eventually(t, c.pid(), func(now ports.Sample) bool { return *now.Process.TreeProcesses == 1 })
	assert.Equal(t, int64(1), *alive(t, c.pids[2]).Process.TreeProcesses, "the orphan lives")
}

// TestTreeWithZombie has a child that ended and that nobody waited for: its
// ticks are in no other account.
func TestTreeWithZombie(t *testing.T) {
	c := start(t, "neglect", "busy")
	eventually(t, c.pids[1], func(now ports.Sample) bool { return *now.CPUTicks >= 20 })
	require.NoError(t, unix.Kill(int(c.pids[1]), unix.SIGKILL))
	eventually(t, c.pids[1], func(now ports.Sample) bool { return now.Process.Status == domain.ProcessZombie })
	got, zombie := alive(t, c.pid()), see(t, c.pids[1])
	assert.Equal(t, int64(2), *got.Process.TreeProcesses)
	assert.GreaterOrEqual(t, *got.Process.TreeCPUTicks, *zombie.CPUTicks)
	assert.Zero(t, *got.Process.ChildrenCPUTicks)
}
