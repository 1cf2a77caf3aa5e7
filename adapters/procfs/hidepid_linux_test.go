package procfs

import (
	"bufio"
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

// lookFromPIDOne does the same as process 1 of a pid namespace of its own, so that
// process 1 can be seen: it samples itself, a process of somebody else, and the
// last process id.
func lookFromPIDOne(mode string) {
	if err := unix.Mount("proc", "/proc", "proc", 0, "hidepid="+mode); err != nil {
		tell(nil)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"=sleep")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody - 1, Gid: nobody - 1}}
	cmd.Stdin = os.Stdin
	out, err := cmd.StdoutPipe()
	must(err)
	must(cmd.Start())
	_, err = bufio.NewReader(out).ReadString('\n')
	must(err)
	becomeNobody()
	samples, err := New("/proc").Sample(background(), []int64{1, int64(cmd.Process.Pid), maxPID})
	must(err)
	tell(samples)
}

func becomeNobody() {
	must(syscall.Setgroups(nil))
	must(syscall.Setgid(nobody))
	must(syscall.Setuid(nobody))
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
	becomeNobody()
	samples, err := New("/proc").Sample(background(), []int64{int64(os.Getpid()), 1, maxPID})
	must(err)
	tell(samples)
}

func behindHidePID(t *testing.T, mode string) (own, first, free ports.Sample) {
	t.Helper()
	return toldBy(t, "hidepid,"+mode, 0)
}

// toldBy runs a role in a mount namespace, and others, of its own, and returns the
// three samples that it tells.
func toldBy(t *testing.T, role string, namespaces uintptr) (first, second, third ports.Sample) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount a /proc with hidepid and to become nobody")
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"="+role)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Unshareflags: unix.CLONE_NEWNS}
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
	assert.Equal(t, withStatus(domain.ProcessGone), free, "the kernel says so, if /proc does not")
}

// TestHidePIDHidesFromPIDOne: in a pid namespace of its own, where process 1 can be
// seen, a live agent of another user is not taken for one that is gone.
func TestHidePIDHidesFromPIDOne(t *testing.T) {
	for _, mode := range []string{"1", "2"} {
		own, agent, free := toldBy(t, "pidone,"+mode, unix.CLONE_NEWPID)
		assert.Equal(t, domain.ProcessOK, own.Process.Status)
		assert.Nil(t, own.Process.TreeCPUTicks, "its child cannot be seen")
		assert.Equal(t, withStatus(domain.ProcessHidden), agent)
		assert.Equal(t, withStatus(domain.ProcessGone), free)
	}
}

// TestForeignNamespace: where the mount's pids are not this process's, the kernel
// would be asked about another process, and is not.
func TestForeignNamespace(t *testing.T) {
	m := newMount(t)
	here := int64(os.Getpid()) // lives here, and not there
	for status, want := range map[string]domain.ProcessStatus{
		"":                                      domain.ProcessGone,
		"Name:\tx\nNSpid:\t4711\t12\nUid:\t0\n": domain.ProcessGone,
		"Name:\tx\nNSpid:\t4711\nUid:\t0\n":     domain.ProcessHidden, // as a mount of our own namespace says
	} {
		m.write("self/status", status)
		assert.Equal(t, withStatus(want), look(t, m.reader(), here), "%q", status)
	}
}
