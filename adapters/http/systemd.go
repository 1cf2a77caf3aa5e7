package httpapi

import (
	"errors"
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"
)

// activated returns the socket that systemd has bound and passed, as
// sd_listen_fds(3) says.
func activated() (net.Listener, error) {
	passed, err := activation.Listeners()
	if err != nil {
		return nil, err //nolint:wrapcheck // wrapped by the caller
	}
	switch {
	case len(passed) == 0:
		return nil, errors.New("no socket was passed; start the service by its .socket unit, or turn this off")
	case len(passed) == 1 && passed[0] != nil:
		return passed[0], nil
	}
	for _, listener := range passed {
		if listener != nil {
			err = errors.Join(err, listener.Close())
		}
	}
	if len(passed) == 1 {
		return nil, errors.Join(errors.New("the socket that was passed takes no connections; write ListenStream= in its .socket unit"), err)
	}
	return nil, errors.Join(fmt.Errorf("%d sockets were passed; write one ListenStream= in the .socket unit", len(passed)), err)
}
