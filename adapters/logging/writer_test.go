package logging_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/orchmetrics/orchmetrics/adapters/logging"
)

const patience = time.Minute

// sink is a reader of the log that can stop, and go away.
type sink struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	calls   int
	err     error
	stuck   chan struct{} // while it is not nil and open, Write waits
	entered chan struct{} // gets a value when Write begins to wait
}

func (s *sink) Write(line []byte) (int, error) {
	s.mu.Lock()
	stuck := s.stuck
	s.mu.Unlock()
	if stuck != nil {
		select {
		case s.entered <- struct{}{}:
		default:
		}
		<-stuck
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.err != nil {
		return 0, s.err
	}
	return s.buf.Write(line)
}

func (s *sink) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *sink) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Split(strings.TrimSuffix(s.buf.String(), "\n"), "\n")
}

func newStuck() *sink {
	return &sink{stuck: make(chan struct{}), entered: make(chan struct{}, 1)}
}

func say(t require.TestingT, w *logging.AsyncWriter, line string) {
	n, err := w.Write([]byte(line + "\n"))
	require.NoError(t, err)
	require.Equal(t, len(line)+1, n)
}

func TestAsyncWriter_WritesAllInOrder(t *testing.T) {
	t.Parallel()
	var out sink
	w := logging.NewAsyncWriter(&out)
	assert.True(t, w.Flush(0), "there is nothing to wait for")
	var want []string
	line := make([]byte, 0, 100)
	for i := range 1000 {
		line = fmt.Appendf(line[:0], "line %d\n", i) // the slice is used again
		_, err := w.Write(line)
		require.NoError(t, err)
		want = append(want, fmt.Sprintf("line %d", i))
	}
	require.True(t, w.Flush(patience))
	assert.Equal(t, want, out.lines())
	assert.Equal(t, 1000, out.calls, "a line is one write, so that others' are not mixed with it")
}

// What nobody takes is kept up to a bound. What is beyond it is counted, and said
// where it is missing.
func TestAsyncWriter_Stuck(t *testing.T) {
	t.Parallel()
	out := newStuck()
	w := logging.NewAsyncWriter(out)
	say(t, w, "first")
	<-out.entered
	long := strings.Repeat("x", 10_000)
	for range 300 { // three times the bound
		say(t, w, long)
	}
	say(t, w, "short ones find room")
	assert.False(t, w.Flush(time.Millisecond), "nothing waits for the reader")
	close(out.stuck)
	require.True(t, w.Flush(patience))
	say(t, w, "last")
	require.True(t, w.Flush(patience))

	lines := out.lines()
	assert.Equal(t, "first", lines[0])
	kept := 0
	for lines[1+kept] == long {
		kept++
	}
	assert.InDelta(t, 104, kept, 2, "about a MiB is kept")
	assert.Equal(t, []string{
		fmt.Sprintf("%d lines were dropped: they could not be written in time", 300-kept), "short ones find room", "last",
	}, lines[1+kept:])
}

// Without a reader lines are lost, and counted until there is one again.
func TestAsyncWriter_Failing(t *testing.T) {
	t.Parallel()
	var out sink
	out.fail(errors.New("broken pipe"))
	w := logging.NewAsyncWriter(&out)
	for range 10 {
		say(t, w, "lost")
		require.True(t, w.Flush(patience))
	}
	assert.LessOrEqual(t, out.calls, 10, "it does not try for ever")
	out.fail(nil)
	say(t, w, "taken")
	require.True(t, w.Flush(patience))
	assert.Equal(t, []string{"10 lines were dropped: they could not be written in time", "taken"}, out.lines())
}

// Whatever happens to the reader, each line is written or counted.
func TestAsyncWriter_NoLineIsForgotten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var out sink
		w := logging.NewAsyncWriter(&out)
		said := 0
		for range rapid.IntRange(1, 20).Draw(t, "phases") {
			if rapid.Bool().Draw(t, "fails") {
				out.fail(errors.New("gone"))
			} else {
				out.fail(nil)
			}
			for range rapid.IntRange(0, 5).Draw(t, "lines") {
				say(t, w, "line")
				said++
			}
			require.True(t, w.Flush(patience))
		}
		out.fail(nil)
		say(t, w, "line")
		require.True(t, w.Flush(patience))
		written, dropped := 0, 0
		for _, line := range out.lines() {
			var n int
			if _, err := fmt.Sscanf(line, "%d lines were dropped", &n); err == nil {
				dropped += n
			} else {
				written++
			}
		}
		assert.Equal(t, said+1, written+dropped)
	})
}

func TestAsyncWriter_ManyAtOnce(t *testing.T) {
	t.Parallel()
	var out sink
	w := logging.NewAsyncWriter(&out)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			for range 100 {
				say(t, w, "a whole line")
			}
		})
	}
	group.Wait()
	require.True(t, w.Flush(patience))
	assert.Equal(t, strings.Repeat("a whole line\n", 2000), out.buf.String())
}
