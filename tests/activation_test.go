package tests

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/contract/contracttest"
)

// activate starts the program as systemd does: with sockets as descriptors from 3
// on, and LISTEN_FDS and LISTEN_PID in its environment (sd_listen_fds(3)).
func activate(t *testing.T, log io.Writer, sockets []*os.File, args ...string) *exec.Cmd {
	t.Helper()
	line := append([]string{"-c", `export LISTEN_PID=$$; exec "$@"`, "sh", program(t), "serve", "--web.systemd-socket=on"}, args...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // if it serves though it should not
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "sh", line...)
	cmd.Dir, cmd.Stderr, cmd.ExtraFiles = t.TempDir(), log, sockets
	cmd.Env = append(os.Environ(), "LISTEN_FDS="+strconv.Itoa(len(sockets)), "ORCH_LISTEN=192.0.2.1:1") // which it must not use
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	require.NoError(t, cmd.Start())
	return cmd
}

// bind is what systemd does for a .socket unit.
func bind(t *testing.T, network, address string) (*os.File, net.Addr) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), network, address)
	require.NoError(t, err)
	if unix, ok := listener.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false)
	}
	defer listener.Close() // the file is a duplicate
	file, err := listener.(interface{ File() (*os.File, error) }).File()
	require.NoError(t, err)
	t.Cleanup(func() { file.Close() })
	return file, listener.Addr()
}

// TestSystemdSocket: the program serves on a socket that was bound before it ran,
// and leaves it when it stops.
func TestSystemdSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "activated.sock")
	for address, warnings := range map[string]int{"127.0.0.1:0": 0, "0.0.0.0:0": 1, path: 0} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			network := "tcp"
			if filepath.IsAbs(address) {
				network = "unix"
			}
			socket, bound := bind(t, network, address)
			transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, bound.String())
			}}
			defer transport.CloseIdleConnections()
			var log lockedBuffer
			cmd := activate(t, &log, []*os.File{socket})
			response, err := (&http.Client{Transport: transport}).Get("http://localhost/metrics") // waits in the socket until it serves
			require.NoError(t, err, log.String())
			body, err := io.ReadAll(response.Body)
			require.NoError(t, errors.Join(err, response.Body.Close()))
			assert.Equal(t, http.StatusOK, response.StatusCode)
			contracttest.Validate(t, body)
			require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
			require.NoError(t, cmd.Wait(), log.String())
			assert.Equal(t, warnings, strings.Count(log.String(), "beyond loopback"), log.String())
			if network == "unix" {
				assert.FileExists(t, path, "it is systemd's to remove")
			}
		})
	}
}

// TestSystemdSocket_Refused: what was passed must be one socket that listens.
func TestSystemdSocket_Refused(t *testing.T) {
	t.Parallel()
	one, _ := bind(t, "tcp", "127.0.0.1:0")
	two, _ := bind(t, "tcp", "127.0.0.1:0")
	datagrams, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer datagrams.Close()
	packets, err := datagrams.(*net.UDPConn).File()
	require.NoError(t, err)
	defer packets.Close()
	for says, sockets := range map[string][]*os.File{
		"no socket was passed":                            nil,
		"2 sockets were passed":                           {one, two},
		"the socket that was passed takes no connections": {packets},
	} {
		var log bytes.Buffer
		require.Error(t, activate(t, &log, sockets).Wait())
		assert.Equal(t, 1, strings.Count(log.String(), "\n"), "one line: %s", log.String())
		assert.Contains(t, log.String(), "api: ORCH_SYSTEMD_SOCKET (--web.systemd-socket): "+says)
	}
}

// lockedBuffer is written by one goroutine and read by another.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
