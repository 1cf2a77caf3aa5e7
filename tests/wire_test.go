package tests

import (
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// wire is the network between the service and a server on loopback. It can be cut: then
// nothing arrives, and nobody is told.
type wire struct {
	listener net.Listener
	target   string

	mu   sync.Mutex
	mend chan struct{} // closed while it is whole
}

func newWire(t *testing.T, port int) *wire {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{listener: listener, target: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), mend: make(chan struct{})}
	close(w.mend)
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { w.carry(t, conn) })
		}
	})
	t.Cleanup(func() {
		w.cut(false)
		_ = listener.Close()
		group.Wait()
	})
	return w
}

func (w *wire) address() string { return w.listener.Addr().String() }

// cut cuts the wire, or mends it.
func (w *wire) cut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.mend:
		if cut {
			w.mend = make(chan struct{})
		}
	default:
		if !cut {
			close(w.mend)
		}
	}
}

func (w *wire) whole() chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mend
}

// carry carries one connection until either side ends it.
func (w *wire) carry(t *testing.T, near net.Conn) {
	defer near.Close()
	<-w.whole()
	far, err := new(net.Dialer).DialContext(t.Context(), "tcp", w.target)
	if err != nil {
		return
	}
	defer far.Close()
	var group sync.WaitGroup
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		group.Go(func() {
			buffer := make([]byte, 32<<10)
			for {
				n, err := way[0].Read(buffer)
				<-w.whole()
				if _, failed := way[1].Write(buffer[:n]); err != nil || failed != nil {
					break
				}
			}
			_ = near.Close()
			_ = far.Close()
		})
	}
	group.Wait()
}
