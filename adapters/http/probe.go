package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Probe tells whether the address could be listened on now, and leaves nothing
// behind: a port is bound for a moment, a socket's path is only looked at. The
// error wraps syscall.EADDRINUSE if another program serves there.
func Probe(ctx context.Context, address string) error {
	if path, socket := strings.CutPrefix(address, unixPrefix); socket {
		return probeUnix(ctx, path)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	return listener.Close()
}

func probeUnix(ctx context.Context, path string) error {
	if err := checkVacant(ctx, path); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if limit := len(syscall.RawSockaddrUnix{}.Path); max(len(dir)+len("/.s1234567890/s"), len(path)) >= limit {
		return errors.New("the path is too long for a socket")
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("make a socket in %s: %w", dir, err)
	}
	return nil
}
