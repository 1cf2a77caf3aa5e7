package app

import (
	"maps"
	"sync"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// coalescer lets callers that ask the same question share a scrape.
//
//   - A caller only ever shares a scrape that begins after it asked, so that who
//     commits and then asks sees the commit.
//   - Scrapes of one question begin at least spacing apart, however many callers
//     there are. One that comes later than that after the last does not wait.
//   - A scrape waits for the one before it, since those who ask meanwhile can then
//     share it, but not for one that began longer than patience ago.
type coalescer struct {
	spacing  time.Duration
	patience time.Duration

	mu      sync.Mutex
	pending map[string]*scrape // by question: not begun yet, so that callers may join
	begun   map[string]begun   // by question: the last one that began
}

// begun is when a scrape began, and a channel that is closed when it is done.
type begun struct {
	at   time.Time
	done <-chan struct{}
}

// scrape is one scrape and what came of it, for all callers that share it.
type scrape struct {
	began    time.Time
	done     chan struct{} // closed when the rest is there
	panicked bool          // then there is no rest
	envelope domain.Envelope
	json     func() ([]byte, error) // encodes the envelope, once
	texts    texts
}

func newCoalescer(spacing, patience time.Duration) *coalescer {
	return &coalescer{spacing: spacing, patience: patience, pending: map[string]*scrape{}, begun: map[string]begun{}}
}

// do returns a scrape of the question that begins from now on: the pending one, or
// a new one, which it makes with take.
func (c *coalescer) do(question string, take func() domain.Envelope) *scrape {
	c.mu.Lock()
	s, pending := c.pending[question]
	if pending {
		c.mu.Unlock()
		<-s.done
		if s.panicked {
			panic("the shared scrape panicked")
		}
		return s
	}
	s = &scrape{done: make(chan struct{}), panicked: true} // unless it returns
	c.pending[question] = s
	last := c.begun[question]
	c.mu.Unlock()

	c.awaitTurn(last)
	c.begin(question, s)
	defer close(s.done)
	s.envelope = take()
	s.json = sync.OnceValues(s.envelope.MarshalJSON)
	s.panicked = false
	return s
}

// awaitTurn waits until the next scrape after last may begin.
func (c *coalescer) awaitTurn(last begun) {
	if wait := time.Until(last.at.Add(c.patience)); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-last.done:
		case <-timer.C:
		}
	}
	if wait := time.Until(last.at.Add(c.spacing)); wait > 0 {
		time.Sleep(wait)
	}
}

// begin closes the scrape to further callers. It also forgets those for which nobody
// waits any more: what is asked is for the callers to choose, and must not fill the
// memory.
func (c *coalescer) begin(question string, s *scrape) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.began = time.Now()
	maps.DeleteFunc(c.begun, func(_ string, b begun) bool { return s.began.Sub(b.at) >= max(c.spacing, c.patience) })
	delete(c.pending, question)
	c.begun[question] = begun{s.began, s.done}
}
