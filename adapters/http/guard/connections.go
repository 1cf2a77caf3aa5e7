package guard

import (
	"crypto/tls"
	"fmt"
	"math"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// sendBuffer is what the kernel may hold for a client that does not read. By
	// itself it takes up to 4 MB for each (tcp(7), tcp_wmem).
	sendBuffer = 32 << 10
	// evictable is how long a client must have let the server wait before its
	// connection may be closed for another one.
	evictable = 20 * time.Millisecond
)

// Connections bounds how many connections a server has. For one too many it
// closes the one whose client has let it wait for the longest: one that asks
// nothing, or does not read its answer. Who asks and reads is not shut out by
// those who only connect.
type Connections struct {
	most    int
	refusal []byte // what a client is told that is refused; nil with TLS

	mu   sync.Mutex
	open map[*connection]struct{}
}

// NewConnections allows so many, or as many as the limit of open files does. With TLS
// nothing can be said to whom there is no room for.
func NewConnections(most int, encrypted bool) *Connections {
	const body = `{"error":{"code":"overloaded","message":"too many connections are open; try again in a second"}}`
	refusal := fmt.Appendf(nil, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json; charset=utf-8\r\n"+
		"Content-Length: %d\r\nCache-Control: no-store\r\nRetry-After: 1\r\nConnection: close\r\n\r\n%s", len(body), body)
	if encrypted {
		refusal = nil
	}
	return &Connections{most: affordable(most), refusal: refusal, open: map[*connection]struct{}{}}
}

// affordable is how many connections the limit of open files allows, see
// getrlimit(2): half of it is left for the database, for /proc and the like.
func affordable(most int) int {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return most
	}
	half := min(files.Cur/2, math.MaxInt32)
	return max(1, min(most, int(half)))
}

// On returns a listener that accepts no more than are allowed.
func (c *Connections) On(listener net.Listener) net.Listener {
	return &boundedListener{listener, c}
}

type boundedListener struct {
	net.Listener
	*Connections
}

// Accept returns the next connection that there is room for, or for which room can be made.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		full := len(l.open) >= l.most
		l.mu.Unlock()
		if full && !l.evict() {
			l.refuse(accepted)
			continue
		}
		if sized, ok := accepted.(interface{ SetWriteBuffer(bytes int) error }); ok {
			_ = sized.SetWriteBuffer(sendBuffer) // at worst it is larger
		}
		admitted := &connection{Conn: accepted, all: l.Connections}
		admitted.waiting.Store(time.Now().UnixNano())
		l.mu.Lock()
		l.open[admitted] = struct{}{}
		l.mu.Unlock()
		return admitted, nil
	}
}

func (c *Connections) refuse(accepted net.Conn) {
	if c.refusal != nil {
		_ = accepted.SetWriteDeadline(time.Now().Add(time.Millisecond)) // nothing was sent yet: there is room for it
		_, _ = accepted.Write(c.refusal)
	}
	_ = accepted.Close()
}

// evict closes the connection that has waited for its client for the longest.
func (c *Connections) evict() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	var longest *connection
	earliest := time.Now().Add(-evictable).UnixNano()
	for conn := range c.open {
		if since := conn.waiting.Load(); since != 0 && since <= earliest {
			longest, earliest = conn, since
		}
	}
	if longest == nil {
		return false
	}
	delete(c.open, longest)
	longest.abort()
	return true
}

// Dismiss closes the connections whose clients have not asked anything yet, but
// for those that have just come.
func (c *Connections) Dismiss() {
	c.mu.Lock()
	defer c.mu.Unlock()
	since := time.Now().Add(-evictable).UnixNano()
	for conn := range c.open {
		if !conn.asked.Load() && conn.waiting.Load() <= since {
			_ = conn.Conn.Close()
		}
	}
}

// Note is the server's ConnState.
func (c *Connections) Note(conn net.Conn, state http.ConnState) {
	if encrypted, ok := conn.(*tls.Conn); ok {
		conn = encrypted.NetConn()
	}
	own, ok := conn.(*connection)
	if !ok {
		return
	}
	own.asked.Store(state != http.StateNew)
	own.waiting.Store(0)
	if state == http.StateNew || state == http.StateIdle {
		own.waiting.Store(time.Now().UnixNano())
	}
}

// connection is one that counts.
type connection struct {
	net.Conn

	all     *Connections
	asked   atomic.Bool  // a first request has come
	waiting atomic.Int64 // since when its client is waited for, in Unix nanoseconds; 0 if the server is at work
}

// Write waits for the client if it does not read. What it was not sent until
// the deadline is dropped: after a close the kernel would go on trying to send it.
func (c *connection) Write(data []byte) (int, error) {
	before := c.waiting.Swap(time.Now().UnixNano())
	written, err := c.Conn.Write(data)
	c.waiting.Store(before)
	if err != nil {
		c.dropUnsent()
	}
	return written, err
}

// Close gives the place to another.
func (c *connection) Close() error {
	c.all.mu.Lock()
	delete(c.all.open, c)
	c.all.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite lets a client read to the end what it was sent, see net/http's
// handling of requests that it does not read to the end.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// abort closes without sending what is left. Whoever uses the connection finds it closed.
func (c *connection) abort() {
	c.dropUnsent()
	_ = c.Conn.Close()
}

// dropUnsent makes a close drop what the client has not taken; see SO_LINGER in socket(7).
func (c *connection) dropUnsent() {
	if lingering, ok := c.Conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = lingering.SetLinger(0) // of no use on a connection that is closed
	}
}
