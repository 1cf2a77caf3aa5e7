package guard

import (
	"crypto/sha256"
	"net/http"
	"sync"
	"time"
)

const (
	// failurePause passes after a wrong password before another is tried.
	failurePause = 250 * time.Millisecond
	// turnPatience is how long a request waits for its turn.
	turnPatience = 2 * time.Second
	// maxKnown bounds what is remembered of credentials that were right.
	maxKnown = 64
)

// tries lets one password be tried at a time, since bcrypt is meant to be
// expensive: guessing costs a fraction of one core, however many guess. Those
// whose password was right before need no turn, so that a flood of wrong ones
// does not keep them out.
type tries struct {
	turn chan struct{}

	mu    sync.Mutex
	known map[credentials]struct{}
}

// credentials is the hash of what a client sent.
type credentials [sha256.Size]byte

func newTries() *tries {
	return &tries{turn: make(chan struct{}, 1), known: map[credentials]struct{}{}}
}

// begin waits until the request's password may be tried; ok is false if that
// takes too long. The first call of end says whether it was right.
func (t *tries) begin(r *http.Request) (end func(right bool), ok bool) {
	if _, _, given := r.BasicAuth(); !given {
		return func(bool) {}, true // refused without a try
	}
	sent := credentials(sha256.Sum256([]byte(r.Header.Get("Authorization"))))
	if t.knows(sent) {
		return t.ended(sent, func(bool) {}), true
	}
	wait := time.NewTimer(turnPatience)
	defer wait.Stop()
	select {
	case t.turn <- struct{}{}:
		return t.ended(sent, t.release), true
	case <-wait.C:
	case <-r.Context().Done():
	}
	return nil, false
}

func (t *tries) ended(sent credentials, release func(right bool)) func(bool) {
	var once sync.Once
	return func(right bool) {
		once.Do(func() {
			t.remember(sent, right)
			release(right)
		})
	}
}

// release gives the turn to the next.
func (t *tries) release(right bool) {
	if right {
		<-t.turn
		return
	}
	time.AfterFunc(failurePause, func() { <-t.turn })
}

func (t *tries) knows(sent credentials) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, known := t.known[sent]
	return known
}

func (t *tries) remember(sent credentials, right bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !right {
		delete(t.known, sent)
		return
	}
	if len(t.known) >= maxKnown {
		clear(t.known)
	}
	t.known[sent] = struct{}{}
}
