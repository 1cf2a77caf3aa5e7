package replay

import (
	"math"
	"sort"
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
	recording *Recording
	opts      Options
	// In milliseconds: when each step is due, from the first, and how long one round
	// takes. Clocks may be further apart than a time.Duration can be.
	due   []float64
	round float64

	mu    sync.Mutex
	next  int       // the step of the next scrape, by request
	began time.Time // when the first scrape was
	at    domain.Instant
}

var _ ports.Clock = (*Steps)(nil)

// Play returns the steps of the recording, from the first. In a loop the last step stays
// as long as the one before it.
func (r *Recording) Play(opts Options) *Steps {
	s := &Steps{recording: r, opts: opts, due: make([]float64, len(r.answers)), at: r.answers[0].Clock}
	gap := 1000.0 // of a single step
	for i := 1; i < len(r.answers); i++ {
		gap = apart(r.answers[i-1].Clock, r.answers[i].Clock)
		s.due[i] = s.due[i-1] + gap
	}
	s.round = max(1, s.due[len(s.due)-1]+gap)
	return s
}

// apart is how many milliseconds after one instant the other was; 0 if a clock was set back.
func apart(a, b domain.Instant) float64 {
	if a.BoottimeMS != nil && b.BoottimeMS != nil && a.BootID != nil && b.BootID != nil && *a.BootID == *b.BootID {
		return float64(max(0, *b.BoottimeMS-*a.BoottimeMS))
	}
	return float64(max(0, b.UnixMS-a.UnixMS))
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
	answers := s.recording.answers
	answer := answers[s.present()]
	if err := refused(answer); err != nil {
		return domain.Envelope{}, err
	}
	if s.began.IsZero() {
		s.began = time.Now()
	}
	switch {
	case s.next+1 < len(answers):
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
	elapsed := 0.0
	if !s.began.IsZero() {
		elapsed = float64(time.Since(s.began).Milliseconds())
	}
	if s.opts.Loop {
		elapsed = math.Mod(elapsed, s.round)
	}
	return sort.Search(len(s.due), func(i int) bool { return s.due[i] > elapsed }) - 1
}
