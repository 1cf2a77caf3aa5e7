package httpapi_test

import (
	"context"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/http"
)

// listenAt listens on the socket at a path.
func listenAt(t *testing.T, path string) (*httpapi.Server, net.Listener, error) {
	t.Helper()
	server := httpapi.NewServer("unix:"+path, newHandler(t, snapshots{envelope: busy()}), time.Second, quiet())
	listener, err := server.Listen(t.Context())
	return server, listener, err
}

// getAt asks the server at a path for /livez.
func getAt(t *testing.T, path string) int {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get("http://socket/livez")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	names := []string{}
	for _, entry := range list {
		names = append(names, entry.Name())
	}
	return names
}

// staleAt leaves a socket on which nobody listens.
func staleAt(t *testing.T, path string) {
	t.Helper()
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	stale.SetUnlinkOnClose(false)
	require.NoError(t, stale.Close())
}

func TestUnixSocketServes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "metrics.sock")
	server, listener, err := listenAt(t, path)
	require.NoError(t, err)
	assert.Equal(t, "unix:"+path, listener.Addr().String(), "as it is set")
	assert.Equal(t, "unix", listener.Addr().Network())
	assert.Equal(t, []string{"metrics.sock"}, entries(t, dir), "nothing else is left")
	r := serveOn(t, server, listener)
	assert.Equal(t, http.StatusOK, getAt(t, path))
	require.NoError(t, r.stop())
	assert.Empty(t, entries(t, dir), "the socket is removed")
}

// The mode is not the umask's to decide.
func TestUnixSocketIsForItsUserAlone(t *testing.T) {
	for _, mask := range []int{0, 0o022, 0o077, 0o177} {
		path := filepath.Join(t.TempDir(), "metrics.sock")
		before := syscall.Umask(mask)
		_, listener, err := listenAt(t, path)
		syscall.Umask(before)
		require.NoError(t, err)
		info, err := os.Lstat(path)
		require.NoError(t, err)
		assert.Equal(t, fs.ModeSocket|0o600, info.Mode())
		require.NoError(t, listener.Close())
	}
}

func TestStaleUnixSocketIsReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "metrics.sock")
	staleAt(t, path)
	_, err := net.Dial("unix", path)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)

	server, listener, err := listenAt(t, path)
	require.NoError(t, err)
	serveOn(t, server, listener)
	assert.Equal(t, http.StatusOK, getAt(t, path))
	assert.Equal(t, []string{"metrics.sock"}, entries(t, dir))
}

func TestLiveUnixSocketIsRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "metrics.sock")
	server, listener, err := listenAt(t, path)
	require.NoError(t, err)
	serveOn(t, server, listener)

	_, _, err = listenAt(t, path)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.ErrorContains(t, err, "listen on unix:"+path+": another program serves there")
	assert.Equal(t, []string{"metrics.sock"}, entries(t, dir))
	assert.Equal(t, http.StatusOK, getAt(t, path), "it goes on serving")
}

// A socket that is not of our kind may be live too.
func TestLiveDatagramSocketIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.sock")
	other, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	defer other.Close()
	_, _, err = listenAt(t, path)
	require.ErrorContains(t, err, "find out whether another program serves there")
	assert.FileExists(t, path)
}

func TestWhatIsNoSocketStaysAsItIs(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "stale.sock")
	staleAt(t, elsewhere)
	makers := map[string]func(path string) error{
		"a file":             func(path string) error { return os.WriteFile(path, []byte("precious"), 0o600) },
		"an empty file":      func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"a directory":        func(path string) error { return os.Mkdir(path, 0o700) },
		"a pipe":             func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a link to a socket": func(path string) error { return os.Symlink(elsewhere, path) },
		"a link to nowhere":  func(path string) error { return os.Symlink("nowhere", path) },
	}
	for name, create := range makers {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "metrics.sock")
			require.NoError(t, create(path))
			before, err := os.Lstat(path)
			require.NoError(t, err)
			_, _, err = listenAt(t, path)
			require.ErrorContains(t, err, "not a socket")
			after, err := os.Lstat(path)
			require.NoError(t, err)
			assert.True(t, os.SameFile(before, after))
			assert.Equal(t, []string{"metrics.sock"}, entries(t, dir))
		})
	}
}

// A socket that has taken the place of ours is not ours to remove.
func TestStopLeavesTheSocketOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.sock")
	_, first, err := listenAt(t, path)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path)) // someone tidied up
	server, second, err := listenAt(t, path)
	require.NoError(t, err)
	serveOn(t, server, second)
	require.NoError(t, first.Close())
	assert.Equal(t, http.StatusOK, getAt(t, path))
}

func TestStopWithoutTheSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.sock")
	server, listener, err := listenAt(t, path)
	require.NoError(t, err)
	r := serveOn(t, server, listener)
	require.NoError(t, os.Remove(path))
	require.NoError(t, r.stop())
}

func TestUnixPathsThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	cases := map[string]struct{ path, says string }{
		"empty":                {"", "the path of the socket"},
		"abstract":             {"@metrics", "the path of the socket"},
		"a missing directory":  {filepath.Join(dir, "missing", "metrics.sock"), "no such file or directory"},
		"a file for directory": {filepath.Join(os.Args[0], "metrics.sock"), "not a directory"},
		"too long":             {filepath.Join(dir, strings.Repeat("s", 120)), "too long for a socket"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, _, err := listenAt(t, c.path)
			require.ErrorContains(t, err, "listen on unix:"+c.path+": ")
			require.ErrorContains(t, err, c.says)
			assert.Empty(t, entries(t, dir))
		})
	}
}

func TestUnixPathMayBeRelative(t *testing.T) {
	t.Chdir(t.TempDir())
	server, listener, err := listenAt(t, "metrics.sock")
	require.NoError(t, err)
	r := serveOn(t, server, listener)
	assert.Equal(t, http.StatusOK, getAt(t, "metrics.sock"))
	require.NoError(t, r.stop())
	assert.Empty(t, entries(t, "."))
}
