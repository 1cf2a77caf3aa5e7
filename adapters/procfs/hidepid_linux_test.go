package procfs

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

const nobody = 65534

// told is a sample on its way from a child to its test.
type told struct {
	CPUTicks *int64          `json:"cpu_ticks"`
	Process  *domain.Process `json:"process"`
}

// tell ends the child with what it has to say.
func tell(samples []ports.Sample) {
	lines := json.NewEncoder(os.Stdout)
	for _, sample := range samples {
		must(lines.Encode(told(sample)))
	}
	os.Exit(0)
}

// lookBehindHidePID mounts a /proc with the given hidepid over the usual one, in
// a mount namespace of its own, starts a process, becomes nobody, and samples
// itself, process 1 and the last process id, which is free.
func lookBehindHidePID(mode string) {
	if err := unix.Mount("proc", "/proc", "proc", 0, "hidepid="+mode); err != nil {
		tell(nil)
	}
	_, _ = begin("sleep")
	must(syscall.Setgroups(nil))
	must(syscall.Setgid(nobody))
	must(syscall.Setuid(nobody))
	samples, err := New("/proc").Sample(background(), []int64{int64(os.Getpid()), 1, maxPID})
	must(err)
	tell(samples)
}

func behindHidePID(t *testing.T, mode string) (own, first, free ports.Sample) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount a /proc with hidepid and to become nobody")
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"=hidepid,"+mode)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	cmd.Stderr = os.Stderr
	_, err := cmd.StdinPipe() // open until the end, for the process that it starts
	require.NoError(t, err)
	out, err := cmd.Output()
	if errors.Is(err, unix.EPERM) {
		t.Skip("needs the right to a mount namespace (CAP_SYS_ADMIN)")
	}
	require.NoError(t, err)
	if len(out) == 0 {
		t.Skip("needs the right to mount /proc")
	}
	var samples [3]told
	lines := json.NewDecoder(bytes.NewReader(out))
	for i := range samples {
		require.NoError(t, lines.Decode(&samples[i]))
	}
	return ports.Sample(samples[0]), ports.Sample(samples[1]), ports.Sample(samples[2])
}

// TestHidePIDForbids: with hidepid=1 a process of somebody else gives EPERM.
func TestHidePIDForbids(t *testing.T) {
	own, first, free := behindHidePID(t, "1")
	assert.Equal(t, domain.ProcessOK, own.Process.Status)
	assert.NotNil(t, own.CPUTicks)
	assert.Nil(t, own.Process.TreeCPUTicks, "its child belongs to root")
	assert.Nil(t, own.Process.TreeProcesses)
	assert.Equal(t, withStatus(domain.ProcessHidden), first)
	assert.Equal(t, withStatus(domain.ProcessGone), free)
}

// TestHidePIDHides: with hidepid=2 it gives ENOENT, and so looks dead.
func TestHidePIDHides(t *testing.T) {
	own, first, free := behindHidePID(t, "2")
	assert.Equal(t, domain.ProcessOK, own.Process.Status)
	assert.NotNil(t, own.CPUTicks)
	assert.Nil(t, own.Process.TreeCPUTicks, "its child belongs to root")
	assert.Nil(t, own.Process.TreeProcesses)
	assert.Equal(t, withStatus(domain.ProcessHidden), first)
	assert.Equal(t, withStatus(domain.ProcessHidden), free, "it cannot be told from a hidden one")
}
