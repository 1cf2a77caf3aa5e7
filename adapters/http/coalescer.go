package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

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
//   - There is one scrape at a time, and of JSON and of text one that is being written:
//     each takes a few times the memory of what it comes to, and two at once take twice
//     as long. Text takes longer, and JSON does not wait for it.
type coalescer struct {
	snapshots ports.Snapshotter
	text      ports.TextWriter // nil without the text form
	log       *slog.Logger

	spacing  time.Duration // between the begins of two scrapes
	most     int           // how many may wait; 0 is any number
	patience time.Duration // how long a question waits for its turn

	jsonTurn, textTurn *semaphore.Weighted // to scrape and write
	scrapeTurn         *semaphore.Weighted // to scrape
	last               time.Time           // when the last scrape began; of who has the turn to scrape

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
	question string
	keys     []string
	turn     *semaphore.Weighted
	forms    map[form]*written
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
		snapshots:  snapshots,
		text:       set.text,
		log:        log,
		spacing:    set.spacing,
		patience:   math.MaxInt64,
		jsonTurn:   semaphore.NewWeighted(1),
		textTurn:   semaphore.NewWeighted(1),
		scrapeTurn: semaphore.NewWeighted(1),
		pending:    map[string]*scrape{},
	}
}

// ask returns the sections of the keys, or all of them, of a scrape that begins from
// now on. It fails with errOverloaded if too many ask, or if there is no turn in time.
func (c *coalescer) ask(ctx context.Context, keys []string, f form) *written {
	kind, turn := "json", c.jsonTurn
	if f.contentType != "" && f.contentType != jsonType {
		kind, turn = "text", c.textTurn
	}
	question := fmt.Sprintf("%s %q", kind, slices.Compact(slices.Sorted(slices.Values(keys))))
	c.mu.Lock()
	if c.most > 0 && c.waiting >= c.most {
		c.mu.Unlock()
		return &written{err: errOverloaded}
	}
	c.waiting++
	s, pending := c.pending[question]
	if !pending {
		s = &scrape{question, keys, turn, map[form]*written{}}
		c.pending[question] = s
		go c.run(context.WithoutCancel(ctx), s) // others may wait for the same
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

// run answers a question when it is its turn.
func (c *coalescer) run(ctx context.Context, s *scrape) {
	defer func() {
		if value := recover(); value != nil {
			c.log.Error("scrape panicked", "panic", value, "stack", string(debug.Stack()))
			c.fail(s, errPanicked)
		}
	}()
	patient, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	if s.turn.Acquire(patient, 1) != nil {
		c.fail(s, errOverloaded)
		return
	}
	defer s.turn.Release(1)
	if c.scrapeTurn.Acquire(patient, 1) != nil {
		c.fail(s, errOverloaded)
		return
	}
	envelope, took, err := c.take(ctx, s)
	if err != nil {
		c.fail(s, err)
		return
	}
	c.write(ctx, s, envelope, took)
}

// take scrapes, gives the turn to do so back, and returns how long it took.
func (c *coalescer) take(ctx context.Context, s *scrape) (domain.Envelope, time.Duration, error) {
	defer c.scrapeTurn.Release(1)
	time.Sleep(time.Until(c.last.Add(c.spacing)))
	c.mu.Lock()
	delete(c.pending, s.question) // who asks from now on is told what is so from now on
	c.mu.Unlock()
	began := time.Now()
	c.last = began
	envelope, err := c.snapshots.Snapshot(ctx, s.keys...)
	if err != nil && !errors.Is(err, ports.ErrUnknownSection) {
		c.log.Error("snapshot failed", "cause", err)
	}
	return envelope, time.Since(began), err //nolint:wrapcheck // the handler knows it, or nobody is told
}

// write writes an envelope in each form that is asked for. Whoever waits for one has
// it at once.
func (c *coalescer) write(ctx context.Context, s *scrape, envelope domain.Envelope, took time.Duration) {
	var plain []byte
	var err error
	contentType := ""
	for _, f := range slices.SortedFunc(maps.Keys(s.forms), compareForms) {
		if f.contentType != contentType {
			contentType = f.contentType
			if contentType == jsonType {
				plain, err = envelope.MarshalJSON()
			} else {
				plain, err = c.text.Text(ctx, envelope, ports.TextFormat(contentType), took)
			}
			if err != nil {
				c.log.Error("snapshot failed", "cause", err)
			}
		}
		w := s.forms[f]
		switch {
		case contentType == "":
			w.envelope = envelope
		case f.coding.name == "":
			w.body, w.err = plain, err
		default:
			w.body, w.coding = f.coding.compress(plain)
			w.err = err
		}
		close(w.done)
	}
}

func compareForms(a, b form) int {
	return cmp.Or(cmp.Compare(a.contentType, b.contentType), cmp.Compare(a.coding.name, b.coding.name))
}

// fail closes a scrape to further callers, and tells an error to those who wait still.
func (c *coalescer) fail(s *scrape, err error) {
	c.mu.Lock()
	if c.pending[s.question] == s {
		delete(c.pending, s.question)
	}
	c.mu.Unlock()
	for _, w := range s.forms {
		select {
		case <-w.done:
		default:
			w.err = err
			close(w.done)
		}
	}
}
