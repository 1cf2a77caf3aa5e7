package app

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"
)

// flights lets callers that ask the same at the same time share one scrape. A
// caller only ever joins a scrape that begins after it asked: what it is told is
// never older than its question, so that who commits and then asks sees the
// commit.
type flights struct {
	patience time.Duration // how long a scrape waits for the one before it
	bodies   sync.Pool     // of bytes.Buffer

	mu       sync.Mutex
	boarding map[string]*flight // by what is asked; not begun yet
	last     map[string]*flight // the one that began last, while it is under way
}

// flight is one scrape and those who wait for it.
type flight struct {
	began   time.Time
	landed  chan struct{} // closed when the scrape is over
	crashed bool          // it panicked, and there is nothing to show
	shown   *scraped

	bodies  *sync.Pool
	body    *bytes.Buffer // from the pool; nil until somebody wants it
	encoded func() ([]byte, error)
	users   atomic.Int64 // who may still use the body
	texts
}

// encode writes the envelope as JSON, once for all.
func (f *flight) encode() ([]byte, error) {
	f.body = f.bodies.Get().(*bytes.Buffer) //nolint:forcetypeassert // there is nothing else in it
	return f.shown.envelope.MarshalTo(f.body, f.shown.sections())
}

// leave gives back what was joined. The last one puts the body back: one for each
// scrape would be most of what a flood of requests leaves for the collector.
func (f *flight) leave() {
	if f.users.Add(-1) == 0 && f.body != nil {
		f.body.Reset()
		f.bodies.Put(f.body)
	}
}

func newFlights(patience time.Duration) *flights {
	return &flights{
		patience: patience,
		bodies:   sync.Pool{New: func() any { return new(bytes.Buffer) }},
		boarding: map[string]*flight{},
		last:     map[string]*flight{},
	}
}

// join returns the flight of a scrape that begins from now on, to be left when what
// is shown is no longer used. The first to ask makes it; it waits for the scrape
// that is under way, since those who ask meanwhile can then share the next, but not
// for one that takes long.
func (f *flights) join(key string, scrape func() *scraped) *flight {
	f.mu.Lock()
	next, boarding := f.boarding[key]
	if boarding {
		next.users.Add(1)
		f.mu.Unlock()
		<-next.landed
		if next.crashed {
			panic("the shared scrape panicked")
		}
		return next
	}
	next = &flight{landed: make(chan struct{}), bodies: &f.bodies}
	next.encoded = sync.OnceValues(next.encode)
	next.users.Add(1)
	f.boarding[key] = next
	last := f.last[key]
	f.mu.Unlock()

	f.await(last)
	f.mu.Lock()
	delete(f.boarding, key)
	f.last[key] = next
	f.mu.Unlock()

	defer f.land(key, next)
	next.crashed = true // unless it returns
	next.began = time.Now()
	next.shown = scrape()
	next.crashed = false
	return next
}

// land lets those go who wait, and forgets the flight: what can be asked is for
// the callers to choose, and must not fill the memory.
func (f *flights) land(key string, landing *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last[key] == landing {
		delete(f.last, key)
	}
	close(landing.landed)
}

func (f *flights) await(last *flight) {
	if last == nil {
		return
	}
	select {
	case <-last.landed:
		return
	default:
	}
	timer := time.NewTimer(f.patience)
	defer timer.Stop()
	select {
	case <-last.landed:
	case <-timer.C:
	}
}
