// Package logging keeps the log off an answer's way: a line is handed over and
// never waited for. A reader of the log that is stopped, slow or gone costs lines,
// which are counted, and nothing else.
package logging

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// maxWaiting bounds the lines that wait for their reader, in bytes.
	maxWaiting = 1 << 20
	// overhead is about what a line takes besides its text.
	overhead = 64
)

// AsyncWriter writes lines to another writer without having anybody wait: its
// Write neither blocks nor fails. Up to 1 MiB of lines that nobody takes are kept.
// Those beyond it, and those that cannot be written, are dropped, and how many
// they were is written in their place, as soon as lines flow again.
//
// It has a goroutine only while there is something to write, so there is nothing
// to close. It is safe for concurrent use.
type AsyncWriter struct {
	out io.Writer

	mu      sync.Mutex
	notice  func(dropped int) []byte
	waiting []item
	size    int           // of the lines that are not written yet, with their overhead
	done    chan struct{} // closed when the goroutine has ended; nil if there is none
}

// item is one line, or the place of lines that were dropped.
type item struct {
	line    []byte
	dropped int
}

// NewAsyncWriter returns a writer to out, which it calls from one goroutine at a
// time, once for each call of its own.
func NewAsyncWriter(out io.Writer) *AsyncWriter {
	return &AsyncWriter{out: out, notice: func(dropped int) []byte {
		return fmt.Appendf(nil, "%d lines were dropped: they could not be written in time\n", dropped)
	}}
}

// Write implements io.Writer.
func (w *AsyncWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(line)+overhead > maxWaiting-w.size {
		w.drop(1)
		return len(line), nil
	}
	w.waiting = append(w.waiting, item{line: bytes.Clone(line)}) // the caller may use its slice again
	w.size += len(line) + overhead
	if w.done == nil {
		w.done = make(chan struct{})
		go w.drain(w.done)
	}
	return len(line), nil
}

// drop counts lines where they are missing.
func (w *AsyncWriter) drop(lines int) {
	if last := len(w.waiting) - 1; last >= 0 && w.waiting[last].dropped > 0 {
		w.waiting[last].dropped += lines
		return
	}
	w.waiting = append(w.waiting, item{dropped: lines})
}

// drain writes what waits, until nothing does or it cannot be written.
func (w *AsyncWriter) drain(done chan struct{}) {
	defer close(done)
	for {
		next, more := w.next()
		if !more {
			return
		}
		if _, err := w.out.Write(next.line); err != nil {
			w.giveUp(next)
			return
		}
		w.release(next)
	}
}

// next takes the next line, or the notice of those that are missing.
func (w *AsyncWriter) next() (next item, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		w.waiting, w.done = nil, nil
		return item{}, false
	}
	next = w.waiting[0]
	w.waiting[0] = item{} // its line need not be kept
	w.waiting = w.waiting[1:]
	if next.dropped > 0 {
		next.line = w.notice(next.dropped)
	}
	return next, true
}

func (w *AsyncWriter) release(written item) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if written.dropped == 0 { // a notice is beyond what is bounded
		w.size -= len(written.line) + overhead
	}
}

// giveUp drops the line that could not be written, and those behind it: they are
// said before the next line, whose turn it is then to try.
func (w *AsyncWriter) giveUp(failed item) {
	w.mu.Lock()
	defer w.mu.Unlock()
	dropped := max(1, failed.dropped)
	for _, behind := range w.waiting {
		dropped += max(1, behind.dropped)
	}
	w.waiting, w.size, w.done = []item{{dropped: dropped}}, 0, nil
}

// Flush waits until all lines are written, or given up, and no longer than
// patience. It tells whether none waits any more.
func (w *AsyncWriter) Flush(patience time.Duration) bool {
	w.mu.Lock()
	done := w.done
	w.mu.Unlock()
	if done == nil {
		return true
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
