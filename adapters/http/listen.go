package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// unixPrefix begins an address that is the path of a socket.
const unixPrefix = "unix:"

// Listen binds the address, so that a taken one shows before anything starts.
// The error then wraps syscall.EADDRINUSE.
func (s *Server) Listen(ctx context.Context) (net.Listener, error) {
	if s.activated {
		return activated()
	}
	var listener net.Listener
	var err error
	if path, unix := strings.CutPrefix(s.address, unixPrefix); unix {
		listener, err = listenUnix(ctx, path)
	} else {
		var config net.ListenConfig
		listener, err = config.Listen(ctx, "tcp", s.address)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", s.address, err)
	}
	return listener, nil
}

// listenUnix makes a socket that only this user may connect to. It is made in a
// directory that nobody else can enter, and then moved to its path: at no moment
// is it more open. The move replaces the socket that a crash has left.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if err := checkVacant(ctx, path); err != nil {
		return nil, err
	}
	private, err := os.MkdirTemp(filepath.Dir(path), ".s")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private) //nolint:errcheck // an empty directory is all that could be left
	made := filepath.Join(private, "s")
	if limit := len(syscall.RawSockaddrUnix{}.Path); max(len(made), len(path)) >= limit {
		return nil, fmt.Errorf("the path is too long for a socket: %d bytes of a directory, and %d in all, are the most",
			limit-1-len(made)+len(filepath.Dir(path)), limit-1)
	}

	var config net.ListenConfig
	bound, err := config.Listen(ctx, "unix", made)
	if err != nil {
		return nil, err
	}
	listener := &unixListener{Listener: bound, path: path}
	if err := listener.publish(made); err != nil {
		return nil, errors.Join(err, bound.Close())
	}
	return listener, nil
}

// checkVacant returns an error unless there is nothing at the path, or a socket
// on which nobody listens any more.
func checkVacant(ctx context.Context, path string) error {
	if path == "" || strings.HasPrefix(path, "@") {
		return errors.New("write unix: and the path of the socket")
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("there is something at the path that is not a socket; it stays as it is")
	}
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		return errors.Join(fmt.Errorf("another program serves there: %w", syscall.EADDRINUSE), conn.Close())
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil // nobody listens, or it is gone by now
	default:
		return fmt.Errorf("find out whether another program serves there: %w", err)
	}
}

// unixListener is a listener on a socket that was moved to its path.
type unixListener struct {
	net.Listener

	path string
	file fs.FileInfo // of the socket
}

// publish moves the socket to its path.
func (l *unixListener) publish(made string) error {
	if bound, ok := l.Listener.(*net.UnixListener); ok {
		bound.SetUnlinkOnClose(false) // of the name it was bound to
	}
	if err := os.Chmod(made, 0o600); err != nil {
		return err
	}
	var err error
	if l.file, err = os.Lstat(made); err != nil {
		return err
	}
	return os.Rename(made, l.path)
}

// Addr is the address as it is set.
func (l *unixListener) Addr() net.Addr { return unixAddr(l.path) }

// Close removes the socket, unless another has taken its place. It does so while
// it still listens: whoever finds the socket then finds it in use.
func (l *unixListener) Close() error {
	var err error
	if file, statErr := os.Lstat(l.path); statErr == nil && os.SameFile(file, l.file) {
		err = os.Remove(l.path)
	}
	return errors.Join(err, l.Listener.Close())
}

type unixAddr string

func (unixAddr) Network() string  { return "unix" }
func (a unixAddr) String() string { return unixPrefix + string(a) }
