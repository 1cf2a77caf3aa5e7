package chaos

import (
	"net/http"
	"sync"
	"time"
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

// poll begins to scrape, with a pause between any two.
func poll(s *service, pause time.Duration) *poller {
	p := &poller{stop: make(chan struct{}), polls: polls{seen: map[string]int{}}}
	p.group.Go(func() {
		for {
			p.once(s)
			select {
			case <-p.stop:
				return
			case <-time.After(pause):
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

// count is how many scrapes there were so far.
func (p *poller) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.polls.n
}

// end stops scraping.
func (p *poller) end() polls {
	close(p.stop)
	p.group.Wait()
	return p.polls
}
