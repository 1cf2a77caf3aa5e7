package guard

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reader takes a portion when it is let, or fails at its deadline, as a
// connection does.
type reader struct {
	*httptest.ResponseRecorder

	let      chan struct{}
	mu       sync.Mutex
	deadline *time.Timer
	late     chan struct{}
}

func newReader() *reader {
	return &reader{ResponseRecorder: httptest.NewRecorder(), let: make(chan struct{}), late: make(chan struct{})}
}

func (r *reader) SetWriteDeadline(at time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.deadline != nil {
		r.deadline.Stop()
	}
	r.deadline = time.AfterFunc(time.Until(at), func() { close(r.late) })
	return nil
}

func (r *reader) Write(part []byte) (int, error) {
	select {
	case <-r.let:
		return r.ResponseRecorder.Write(part)
	case <-r.late:
		return 0, os.ErrDeadlineExceeded
	}
}

// start sends an answer of so many portions, and returns when its first is on its way.
func (r *reader) start(o *Outgoing, body []byte) (ended *atomic.Bool) {
	ended = &atomic.Bool{}
	go func() {
		o.Send(r, body)
		ended.Store(true)
	}()
	synctest.Wait()
	return ended
}

func portions(n int) []byte { return bytes.Repeat([]byte("x"), n*portion) }

// TestOutgoing_DropsWhatDoesNotMove: an answer for which there is no room takes
// that of the one whose readers have not read for the longest, and of no other.
func TestOutgoing_DropsWhatDoesNotMove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := NewOutgoing()
		o.most = 6 * portion
		first, second, twin := newReader(), newReader(), newReader()
		shared := portions(3)
		firstEnded := first.start(o, portions(3))
		time.Sleep(time.Second)
		secondEnded := second.start(o, shared)
		twinEnded := twin.start(o, shared)
		assert.Equal(t, 6*portion, o.bytes, "an answer that is shared counts once")
		time.Sleep(time.Second)
		first.let <- struct{}{} // it reads
		synctest.Wait()

		third := newReader()
		thirdEnded := third.start(o, portions(2))
		assert.True(t, secondEnded.Load() && twinEnded.Load(), "nobody read it, though it came later")
		assert.False(t, firstEnded.Load())
		assert.Equal(t, 5*portion, o.bytes)
		for range 2 {
			first.let <- struct{}{}
			third.let <- struct{}{}
		}
		synctest.Wait()
		assert.True(t, firstEnded.Load() && thirdEnded.Load())
		assert.Equal(t, 3*portion, first.Body.Len())
		assert.Equal(t, 2*portion, third.Body.Len())
		assert.Zero(t, o.bytes)
		assert.Empty(t, o.answers)
	})
}

// meanwhile does something else after the first portion.
type meanwhile struct {
	*httptest.ResponseRecorder

	then func()
}

func (m *meanwhile) Write(part []byte) (int, error) {
	written, err := m.ResponseRecorder.Write(part)
	if m.then != nil {
		m.then()
	}
	m.then = nil
	return written, err
}

// TestOutgoing_DroppedBetweenPortions: an answer that makes room goes on no more.
func TestOutgoing_DroppedBetweenPortions(t *testing.T) {
	t.Parallel()
	o := NewOutgoing()
	o.most = 3 * portion
	other := httptest.NewRecorder()
	slow := &meanwhile{httptest.NewRecorder(), func() { o.Send(other, portions(2)) }}
	o.Send(slow, portions(3))
	assert.Equal(t, 2*portion, other.Body.Len())
	assert.Equal(t, portion, slow.Body.Len())
	assert.Zero(t, o.bytes)
	assert.Empty(t, o.answers)
}

// TestOutgoing_OneIsAlwaysSent: an answer that is larger than all may be.
func TestOutgoing_OneIsAlwaysSent(t *testing.T) {
	t.Parallel()
	o := NewOutgoing()
	o.most = 10
	recorder := httptest.NewRecorder()
	o.Send(recorder, portions(2))
	o.Send(recorder, nil)
	assert.Equal(t, 2*portion, recorder.Body.Len())
	assert.Zero(t, o.bytes)
}

// TestOutgoing_TimeForEachPortion: who reads gets all, however long that takes, and
// who does not is given up soon.
func TestOutgoing_TimeForEachPortion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, slow := NewOutgoing(), newReader()
		ended := slow.start(o, portions(10))
		for range 9 {
			time.Sleep(portionTime - time.Millisecond)
			slow.let <- struct{}{}
		}
		synctest.Wait()
		assert.False(t, ended.Load())
		time.Sleep(portionTime)
		synctest.Wait()
		assert.True(t, ended.Load())
		assert.Equal(t, 9*portion, slow.Body.Len())
		assert.Zero(t, o.bytes)
	})
}

// TestOutgoing_ClientsThatNeverRead: with real connections, each with an answer of
// its own, the memory is bounded and a client that reads gets all of each answer.
func TestOutgoing_ClientsThatNeverRead(t *testing.T) {
	const size = 4 << 20 // more than the kernel holds
	o := NewOutgoing()
	o.most = 8 << 20
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { o.Send(w, make([]byte, size)) }))
	open := NewConnections(100, false)
	server.Listener, server.Config.ConnState = open.On(server.Listener), open.Note
	server.Start()
	address := server.Listener.Addr().String()
	for range 20 {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		require.NoError(t, err)
		response, err := http.Get("http://" + address)
		require.NoError(t, err)
		read, err := io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.EqualValues(t, size, read)
		o.mu.Lock()
		assert.LessOrEqual(t, o.bytes, o.most)
		o.mu.Unlock()
	}
	http.DefaultClient.CloseIdleConnections()
	server.CloseClientConnections()
	server.Close()
}
