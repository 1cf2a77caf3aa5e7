package deploy

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// container is what a runtime makes of an image: a root directory with the
// image's files and what is mounted into it, all read-only, and a network with
// nothing but loopback. It shares the host's pids, as Dockerfile's users are told.
type container struct {
	root   string
	image  dockerfile
	inside chan func() // run on the one thread that is in the namespaces
}

// newContainer lays out the image's last stage over a built source tree, with the
// data directory mounted at /data.
func newContainer(t *testing.T, image dockerfile, built, data string, flags uintptr) *container {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make namespaces and mounts as a container runtime does")
	}
	c := &container{root: t.TempDir(), image: image, inside: make(chan func())}
	t.Cleanup(func() { close(c.inside) })
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine, and its namespaces with it
		for f := range c.inside {
			f()
		}
	}()
	c.do(t, func() error {
		if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWNET); err != nil {
			return err
		}
		return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	})
	c.do(t, raiseLoopback)
	c.mount(t, "tmpfs", "/", "tmpfs", 0)
	for from, to := range image.copies {
		content, err := os.ReadFile(filepath.Join(built, strings.TrimPrefix(from, "/src/")))
		require.NoError(t, err)
		c.do(t, func() error { return os.WriteFile(c.root+to, content, 0o755) })
	}
	c.mount(t, "proc", "/proc", "proc", 0)
	c.mount(t, data, "/data", "", unix.MS_BIND)
	c.mount(t, "", "/data", "", unix.MS_BIND|unix.MS_REMOUNT|flags)
	c.mount(t, "", "/", "", unix.MS_REMOUNT|unix.MS_RDONLY)
	return c
}

// do runs a function inside, where the tests of this package may not: it returns
// its error instead of ending the test.
func (c *container) do(t *testing.T, f func() error) {
	t.Helper()
	done := make(chan error)
	c.inside <- func() { done <- f() }
	require.NoError(t, <-done)
}

func (c *container) mount(t *testing.T, source, target, kind string, flags uintptr) {
	t.Helper()
	c.do(t, func() error {
		if flags&unix.MS_REMOUNT == 0 {
			if err := os.MkdirAll(c.root+target, 0o755); err != nil {
				return err
			}
		}
		return unix.Mount(source, filepath.Clean(c.root+target), kind, flags, "")
	})
}

func raiseLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}

// start starts a command of the image as its user, with its environment alone.
func (c *container) start(t *testing.T, command []string, out io.Writer) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/"}
	for name, value := range c.image.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdout, cmd.Stderr = out, out
	uid, gid, _ := strings.Cut(c.image.user, ":")
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.root, Credential: &syscall.Credential{Uid: number(t, uid), Gid: number(t, gid)}}
	c.do(t, cmd.Start)
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	return cmd
}

// client connects from inside.
func (c *container) client(t *testing.T) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (connection net.Conn, err error) {
		done := make(chan struct{})
		c.inside <- func() {
			connection, err = (&net.Dialer{}).DialContext(ctx, network, address)
			close(done)
		}
		<-done
		return connection, err
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func number(t *testing.T, text string) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 32)
	require.NoError(t, err)
	return uint32(n)
}
