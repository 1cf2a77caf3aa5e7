// Package replay plays what the service once answered: a recording of one's own, or
// a scenario that comes with the program. Player offers what the service offers, so
// that a reader of it sees no difference.
package replay

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Recording is a history of answers, each of them complete.
type Recording struct {
	answers []domain.Envelope
	keys    []string
	// In milliseconds: when each answer is due, from the first, and how long one round
	// takes. Clocks may be further apart than a time.Duration can be.
	due   []float64
	round float64
}

var _ ports.Clock = (*Recording)(nil)

// maxRecording bounds a recording in memory, in bytes.
const maxRecording = 1 << 30

// Open reads the recording in a file. See Read. Anything else than a file is
// refused unopened: who opens a pipe waits for its writer, for ever if need be.
func Open(path string) (*Recording, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, errors.New("open fixture: it is not a regular file; write the recording to one")
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may be another by now
	if err != nil {
		return nil, fmt.Errorf("open fixture: %w", err)
	}
	defer file.Close() //nolint:errcheck // nothing was written
	return Read(file)
}

// Read reads a recording: one answer of the service, or several one after
// another, as `api record` writes them. What could not be played is refused.
func Read(from io.Reader) (*Recording, error) {
	decoder := json.NewDecoder(bufio.NewReader(io.LimitReader(from, maxRecording)))
	r := &Recording{keys: domain.CoreKeys()}
	for {
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		if errors.Is(err, io.EOF) {
			break
		}
		var answer domain.Envelope
		if err == nil {
			answer, err = readAnswer(raw)
		}
		if err != nil {
			return nil, fmt.Errorf("read fixture: answer %d: %w", len(r.answers)+1, err)
		}
		r.answers = append(r.answers, answer)
		for _, extension := range answer.Extensions {
			if !slices.Contains(r.keys, extension.Key) {
				r.keys = append(r.keys, extension.Key)
			}
		}
	}
	if len(r.answers) == 0 {
		return nil, errors.New("read fixture: there is no answer in it")
	}
	placeUntimed(r.answers)
	for i, answer := range r.answers {
		if err := check(answer); err != nil {
			return nil, fmt.Errorf("read fixture: answer %d: %w", i+1, err)
		}
		r.answers[i].GeneratedAt = answer.Clock.Time()
	}
	r.schedule()
	return r, nil
}

// Steps is how many answers there are.
func (r *Recording) Steps() int { return len(r.answers) }

// Keys returns the keys of the sections that the recording answers: the core's, and
// those that are in any of its answers.
func (r *Recording) Keys() []string { return slices.Clone(r.keys) }

// Now implements ports.Clock: the instant of the first answer.
func (r *Recording) Now() domain.Instant { return r.answers[0].Clock }

// firstInstant is that of a recording in which no answer has one: 2026-06-01
// 12:00:00 UTC, in milliseconds since 1970.
const firstInstant = 1_780_315_200_000

// placeUntimed gives an instant to each answer that has none, as those of a
// service that was switched off: evenly between the answers around it, or a
// second apart where there are answers on one side only.
func placeUntimed(answers []domain.Envelope) {
	const second = 1000
	before, next := int64(firstInstant), 0 // the answer with an instant that follows, if there is one
	for i := range answers {
		for next < len(answers) && (next < i || !timed(answers[next])) {
			next++
		}
		at := &answers[i].Clock.UnixMS
		switch {
		case next == i:
		case next == len(answers):
			*at = before + second
		case i == 0:
			*at = answers[next].Clock.UnixMS - int64(next)*second
		default:
			*at = before + max(0, answers[next].Clock.UnixMS-before)/int64(next-i+1)
		}
		before = *at
	}
}

func timed(answer domain.Envelope) bool { return answer.Clock != (domain.Instant{}) }

// check refuses what the service could not have answered.
func check(answer domain.Envelope) error {
	if at := answer.Clock.Time(); !answer.GeneratedAt.IsZero() && !answer.GeneratedAt.Truncate(time.Second).Equal(at) {
		return fmt.Errorf("its generated_at is %s, but its clock says %s", answer.GeneratedAt.Format(time.RFC3339), at.Format(time.RFC3339))
	}
	return answer.Validate() //nolint:wrapcheck // says what is wrong with it
}

// schedule says when each answer is due. In a loop the last one stays as long as the one
// before it.
func (r *Recording) schedule() {
	r.due = make([]float64, len(r.answers))
	gap := 1000.0 // of a single answer
	for i := 1; i < len(r.answers); i++ {
		gap = apart(r.answers[i-1].Clock, r.answers[i].Clock)
		r.due[i] = r.due[i-1] + gap
	}
	r.round = max(1, r.due[len(r.due)-1]+gap)
}

// apart is how many milliseconds after one instant the other was; 0 if a clock was set back.
func apart(a, b domain.Instant) float64 {
	if a.BoottimeMS != nil && b.BoottimeMS != nil && a.BootID != nil && b.BootID != nil && *a.BootID == *b.BootID {
		return float64(max(0, *b.BoottimeMS-*a.BoottimeMS))
	}
	return float64(max(0, b.UnixMS-a.UnixMS))
}
