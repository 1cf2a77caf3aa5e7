package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// spacing keeps a crowd of readers from being one of scrapes: there are at most
// sixty a second.
const spacing = time.Second / 60

// There are more different narrowed questions than anybody asks in earnest, 2 to
// the power of the sections.
const (
	// narrowedInFlight is how many may wait for an answer at once.
	narrowedInFlight = 256
	// narrowedPatience is how long a question waits for its turn: longer than a scrape
	// takes whose source hangs.
	narrowedPatience = 3 * time.Second
)

var (
	errOverloaded = errors.New("too many different answers are asked for")
	errPanicked   = errors.New("the scrape panicked")
)

// coalescer lets callers that ask the same at the same time share a scrape, and what
// is written of it.
//
//   - A caller only ever shares a scrape that begins after it asked, so that who
//     commits and then asks sees the commit.
//   - Scrapes begin at least spacing apart, however many callers there are. One that
//     comes later than that after the last does not wait.
//   - There is one at a time, and the next begins when it is written in each form
//     that was asked for: so there is one envelope in the memory, and one text that is
//     being written. Two at once would take twice as long.
type coalescer struct {
	snapshots ports.Snapshotter
	text      ports.TextWriter // nil without the text form
	log       *slog.Logger

	spacing  time.Duration // between the begins of two scrapes
	most     int           // how many may wait; 0 is any number
	patience time.Duration // how long a question waits for its turn; 0 is for as long as it takes

	turn chan struct{} // to scrape
	last time.Time     // when the last scrape began; of who has the turn

	mu      sync.Mutex
	waiting int
	pending map[string]*scrape // by question: not begun yet, so that callers may join
}

// form is how an envelope is written.
type form struct {
	contentType string // without one it is the envelope that is asked for
	coding      coding
}

// scrape is one scrape and what is to come of it, by form.
type scrape struct {
	keys  []string
	forms map[form]*written
}

// written is what came of a scrape in one form, for all callers that share it.
type written struct {
	done     chan struct{}   // closed when the rest is there
	envelope domain.Envelope // of a form without content type
	body     []byte
	coding   string // as Content-Encoding has it
	err      error
}

func newCoalescer(snapshots ports.Snapshotter, set options, log *slog.Logger) *coalescer {
	return &coalescer{
		snapshots: snapshots,
		text:      set.text,
		log:       log,
		spacing:   set.spacing,
		turn:      make(chan struct{}, 1),
		pending:   map[string]*scrape{},
	}
}

// ask returns the sections of the keys, or all of them, of a scrape that begins from
// now on. It fails with errOverloaded if too many ask, or if there is no turn in time.
func (c *coalescer) ask(ctx context.Context, keys []string, f form) *written {
	question := fmt.Sprintf("%q", slices.Compact(slices.Sorted(slices.Values(keys))))
	c.mu.Lock()
	if c.most > 0 && c.waiting >= c.most {
		c.mu.Unlock()
		return &written{err: errOverloaded}
	}
	c.waiting++
	s, pending := c.pending[question]
	if !pending {
		s = &scrape{keys: keys, forms: map[form]*written{}}
		c.pending[question] = s
		go c.run(context.WithoutCancel(ctx), question, s) // others may wait for the same
	}
	w, wanted := s.forms[f]
	if !wanted {
		w = &written{done: make(chan struct{})}
		s.forms[f] = w
	}
	c.mu.Unlock()
	<-w.done
	c.mu.Lock()
	c.waiting--
	c.mu.Unlock()
	return w
}

// run waits for the turn of a question, and answers it.
func (c *coalescer) run(ctx context.Context, question string, s *scrape) {
	turn := c.takeTurn()
	if turn {
		defer func() { <-c.turn }()
		time.Sleep(time.Until(c.last.Add(c.spacing)))
		c.last = time.Now()
	}
	c.mu.Lock()
	delete(c.pending, question) // who asks from now on is told what is so from now on
	c.mu.Unlock()
	defer func() {
		if value := recover(); value != nil {
			c.log.Error("scrape panicked", "panic", value, "stack", string(debug.Stack()))
			s.fail(errPanicked)
		}
	}()
	if !turn {
		s.fail(errOverloaded)
		return
	}
	envelope, err := c.snapshots.Snapshot(ctx, s.keys...)
	if err != nil {
		if !errors.Is(err, ports.ErrUnknownSection) {
			c.log.Error("snapshot failed", "cause", err)
		}
		s.fail(err)
		return
	}
	c.writeAll(ctx, s, envelope, time.Since(c.last))
}

func (c *coalescer) takeTurn() bool {
	if c.patience == 0 {
		c.turn <- struct{}{}
		return true
	}
	timer := time.NewTimer(c.patience)
	defer timer.Stop()
	select {
	case c.turn <- struct{}{}:
		return true
	case <-timer.C:
		return false
	}
}

// writeAll writes an envelope in each form that is asked for, JSON before text, which
// takes longer. Whoever waits for one has it at once.
func (c *coalescer) writeAll(ctx context.Context, s *scrape, envelope domain.Envelope, took time.Duration) {
	var plain []byte
	var err error
	contentType := ""
	for _, f := range slices.SortedFunc(maps.Keys(s.forms), compareForms) {
		if f.contentType != contentType {
			contentType = f.contentType
			plain, err = c.write(ctx, envelope, contentType, took)
		}
		w := s.forms[f]
		if contentType == "" {
			w.envelope = envelope
		} else {
			w.body, w.coding = f.coding.compress(plain)
			w.err = err
		}
		close(w.done)
	}
}

func (c *coalescer) write(ctx context.Context, envelope domain.Envelope, contentType string, took time.Duration) (body []byte, err error) {
	if contentType == jsonType {
		body, err = envelope.MarshalJSON()
	} else {
		body, err = c.text.Text(ctx, envelope, ports.TextFormat(contentType), took)
	}
	if err != nil {
		c.log.Error("snapshot failed", "cause", err)
	}
	return body, err //nolint:wrapcheck // logged; nobody is told more than that it failed
}

func compareForms(a, b form) int {
	return cmp.Or(cmp.Compare(a.contentType, b.contentType), cmp.Compare(a.coding.name, b.coding.name))
}

// fail tells an error to those who wait still.
func (s *scrape) fail(err error) {
	for _, w := range s.forms {
		select {
		case <-w.done:
		default:
			w.err = err
			close(w.done)
		}
	}
}
