package replay

import (
	"math"
	"sync"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Options say how a recording is played.
type Options struct {
	// ByTime plays each step when it is due, counted from the first scrape. Else
	// each scrape is the next step.
	ByTime bool
	// Loop begins again after the last step, which else stays.
	Loop bool
}

// Steps goes through the answers of a recording. It is safe for concurrent use.
type Steps struct {
	answers []domain.Envelope
	due     []time.Duration // of each step, from the first
	opts    Options

	mu    sync.Mutex
	next  int       // the step of the next scrape, by request
	began time.Time // when the first scrape was
	at    domain.Instant
}

var _ ports.Clock = (*Steps)(nil)

// Play returns the steps of the recording, from the first.
func (r *Recording) Play(opts Options) *Steps {
	s := &Steps{answers: r.answers, due: make([]time.Duration, len(r.answers)), opts: opts, at: r.answers[0].Clock}
	for i := 1; i < len(r.answers); i++ {
		s.due[i] = add(s.due[i-1], apart(r.answers[i-1].Clock, r.answers[i].Clock))
	}
	return s
}

// Now implements ports.Clock: the instant of the step that was taken last, and of
// the first before that.
func (s *Steps) Now() domain.Instant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

// take returns the step of a scrape, which is then over, unless it is refused.
func (s *Steps) take(refused func(domain.Envelope) error) (domain.Envelope, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := s.answers[s.present()]
	if err := refused(answer); err != nil {
		return domain.Envelope{}, err
	}
	if s.began.IsZero() {
		s.began = time.Now()
	}
	switch {
	case s.next+1 < len(s.answers):
		s.next++
	case s.opts.Loop:
		s.next = 0
	}
	s.at = answer.Clock
	return answer, nil
}

// present is the number of the step that a scrape would take now.
func (s *Steps) present() int {
	if !s.opts.ByTime {
		return s.next
	}
	var elapsed time.Duration
	if !s.began.IsZero() {
		elapsed = time.Since(s.began)
	}
	if s.opts.Loop {
		elapsed %= s.length()
	}
	last := 0
	for i, due := range s.due {
		if due <= elapsed {
			last = i
		}
	}
	return last
}

// length is how long one round takes. The last step stays as long as the one
// before it.
func (s *Steps) length() time.Duration {
	last := len(s.due) - 1
	if last < 1 {
		return time.Second
	}
	return max(time.Millisecond, add(s.due[last], s.due[last]-s.due[last-1]))
}

// apart is how long after one instant the other was; 0 if a clock was set back.
func apart(a, b domain.Instant) time.Duration {
	ms := b.UnixMS - a.UnixMS
	if a.BoottimeMS != nil && b.BoottimeMS != nil && a.BootID != nil && b.BootID != nil && *a.BootID == *b.BootID {
		ms = *b.BoottimeMS - *a.BoottimeMS
	}
	return time.Duration(min(max(0, ms), math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
}

// add is the sum of two durations, or the longest that there is.
func add(a, b time.Duration) time.Duration {
	return a + min(b, math.MaxInt64-a)
}
