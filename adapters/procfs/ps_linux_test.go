package procfs

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/orchmetrics/orchmetrics/ports"
)

// tool runs a program that knows better, or skips where it is not installed.
func tool(t *testing.T, debian, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed (package %s on Debian)", name, debian)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	out, err := cmd.Output()
	require.NoError(t, err, "%s %v", name, args)
	return strings.TrimSpace(string(out))
}

func ps(t *testing.T, pid int64, column string) string {
	t.Helper()
	return tool(t, "procps", "ps", "-o", column+"=", "-p", strconv.FormatInt(pid, 10))
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err)
	return n
}

// requireStopped waits until each thread of a process has stopped.
func requireStopped(t *testing.T, pid int64) {
	t.Helper()
	stopped := func() bool {
		return strings.Trim(tool(t, "procps", "ps", "-L", "-o", "state=", "-p", strconv.FormatInt(pid, 10)), "T\n ") == ""
	}
	for range 3000 {
		if stopped() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.Fail(t, "a thread does not stop")
}

// TestAgreesWithPS holds a stopped process against ps(1).
func TestAgreesWithPS(t *testing.T) {
	c := start(t, "busy")
	hz := *New("/proc").ClockTicks()
	eventually(t, c.pid(), func(now ports.Sample) bool { return *now.CPUTicks >= hz })
	require.NoError(t, unix.Kill(int(c.pid()), unix.SIGSTOP))
	requireStopped(t, c.pid())
	got := alive(t, c.pid())
	assert.Equal(t, number(t, ps(t, c.pid(), "cputimes")), *got.CPUTicks/hz)
	assert.Equal(t, number(t, ps(t, c.pid(), "nlwp")), *got.Process.Threads)
	assert.Equal(t, ps(t, c.pid(), "state"), *got.Process.State)
	// ps may take its memory from a file that counts more exactly than stat does.
	assert.InEpsilon(t, number(t, ps(t, c.pid(), "rss"))*1024, *got.Process.RSSBytes, 0.5)
	started, err := time.Parse(time.ANSIC, ps(t, c.pid(), "lstart"))
	require.NoError(t, err)
	assert.WithinDuration(t, started, *got.Process.StartedAt, 2*time.Second)
}

// TestAgreesWithAwk holds what the threads of a stopped process have done, and what it
// has read and written, against sums that awk(1) makes of the same files.
func TestAgreesWithAwk(t *testing.T) {
	c := start(t, "threads")
	require.NoError(t, unix.Kill(int(c.pid()), unix.SIGSTOP))
	requireStopped(t, c.pid())
	sum := func(field, files string) int64 {
		return number(t, tool(t, "mawk", "sh", "-c", fmt.Sprintf("awk '{ sum += $%s } END { printf \"%%.0f\", sum }' %s", field, files)))
	}
	got := alive(t, c.pid()).Process
	threads := fmt.Sprintf("/proc/%d/task/*/schedstat", c.pid())
	assert.Equal(t, sum("1", threads), *got.RunNS)
	assert.Equal(t, sum("3", threads), *got.TimeSlices)
	io := fmt.Sprintf("/proc/%d/io", c.pid())
	ofIO := func(name string) int64 {
		return number(t, tool(t, "mawk", "awk", "$1 == \""+name+":\" { print $2 }", io))
	}
	assert.Equal(t, ofIO("rchar"), *got.ReadBytes)
	assert.Equal(t, ofIO("wchar"), *got.WrittenBytes)
	assert.Equal(t, []*int64{got.RunNS, got.TimeSlices, got.ReadBytes, got.WrittenBytes}, []*int64{got.TreeRunNS, got.TreeTimeSlices, got.TreeReadBytes, got.TreeWrittenBytes})
}

// TestReadByChildren: what a child has read that was waited for is its parent's, and
// what its processor time was is not.
func TestReadByChildren(t *testing.T) {
	shell := startAs(t, exec.Command("sh", "-c", "dd if=/dev/zero of=/dev/null bs=1000 count=5000 2>/dev/null; echo $$; read wait"))
	got := alive(t, shell.pid())
	assert.GreaterOrEqual(t, *got.Process.ReadBytes, int64(5_000_000))
	assert.GreaterOrEqual(t, *got.Process.WrittenBytes, int64(5_000_000))
	assert.Less(t, *got.Process.ReadBytes, int64(5_500_000))
	assert.Equal(t, got.Process.ReadBytes, got.Process.TreeReadBytes)
}

// TestAgreesWithPGrep counts a tree with pgrep(1).
func TestAgreesWithPGrep(t *testing.T) {
	c := start(t, "parent", "parent", "threadparent", "sleep")
	tool(t, "procps", "pgrep", "-P", strconv.FormatInt(c.pid(), 10))
	assert.Equal(t, countByPGrep(t, c.pid()), *alive(t, c.pid()).Process.TreeProcesses)
}

func countByPGrep(t *testing.T, pid int64) int64 {
	t.Helper()
	count := int64(1)
	out, _ := exec.Command("pgrep", "-P", strconv.FormatInt(pid, 10)).Output() // fails without children
	for child := range strings.FieldsSeq(string(out)) {
		count += countByPGrep(t, number(t, child))
	}
	return count
}

func TestAgreesWithGetconf(t *testing.T) {
	want := number(t, tool(t, "libc-bin", "getconf", "CLK_TCK"))
	ticks := New("/proc").ClockTicks()
	require.NotNil(t, ticks)
	assert.Equal(t, want, *ticks)
}

// TestClockOfHost holds the clock against /proc/uptime, which is CLOCK_BOOTTIME
// in hundredths of a second.
func TestClockOfHost(t *testing.T) {
	uptime := func() int64 {
		var seconds, hundredths int64
		_, err := fmt.Sscanf(readText(t, "/proc/uptime"), "%d.%d", &seconds, &hundredths)
		require.NoError(t, err)
		return seconds*1000 + hundredths*10
	}
	before := uptime()
	now := NewClock("/proc").Now()
	require.NotNil(t, now.BoottimeMS)
	assert.GreaterOrEqual(t, *now.BoottimeMS, before)
	assert.Less(t, *now.BoottimeMS, uptime()+10)
	require.NotNil(t, now.BootID)
	assert.Equal(t, strings.TrimSpace(readText(t, "/proc/sys/kernel/random/boot_id")), *now.BootID)
}
