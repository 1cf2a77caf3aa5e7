package chaos

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// poller scrapes again and again, as a sidecar does.
type poller struct {
	stop  chan struct{}
	group sync.WaitGroup

	mu    sync.Mutex
	polls polls
}

// polls is what came of many scrapes.
type polls struct {
	n       int
	longest time.Duration
	seen    map[string]int // by the summary
	faults  []string       // of answers that were not 200 and valid JSON
}

// poll begins to scrape, once in every period.
func poll(s *service, period time.Duration) *poller {
	p := &poller{stop: make(chan struct{}), polls: polls{seen: map[string]int{}}}
	p.group.Go(func() {
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			p.once(s)
			select {
			case <-p.stop:
				return
			case <-ticker.C:
			}
		}
	})
	return p
}

func (p *poller) once(s *service) {
	a, err := s.ask(http.MethodGet, "/metrics")
	var e envelope
	if err == nil {
		e, err = a.read()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.polls.n++
	p.polls.longest = max(p.polls.longest, a.took)
	if err != nil {
		p.polls.faults = append(p.polls.faults, err.Error())
		return
	}
	p.polls.seen[e.summary()]++
}

// more waits for some further scrapes that began from now on.
func (p *poller) more(t *testing.T, scrapes int) {
	t.Helper()
	count := func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.polls.n
	}
	enough := count() + 1 + scrapes // one may be under way
	require.Eventually(t, func() bool { return count() >= enough }, time.Minute, 5*time.Millisecond)
}

// end stops scraping.
func (p *poller) end() polls {
	close(p.stop)
	p.group.Wait()
	return p.polls
}

// slowest is of all polls in all disasters.
var slowest extreme

// extreme keeps the longest of many times.
type extreme struct {
	mu      sync.Mutex
	n       int
	longest time.Duration
}

func (x *extreme) note(found polls) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.n += found.n
	x.longest = max(x.longest, found.longest)
}
