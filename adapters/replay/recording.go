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
)

// Recording is a history of answers, each of them complete.
type Recording struct {
	answers []domain.Envelope
	keys    []string
}

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
	recording := &Recording{}
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
			return nil, fmt.Errorf("read fixture: answer %d: %w", len(recording.answers)+1, err)
		}
		recording.answers = append(recording.answers, answer)
	}
	if len(recording.answers) == 0 {
		return nil, errors.New("read fixture: there is no answer in it")
	}
	placeUntimed(recording.answers)
	for i, answer := range recording.answers {
		if err := checkInstant(answer); err != nil {
			return nil, fmt.Errorf("read fixture: answer %d: %w", i+1, err)
		}
		recording.answers[i].GeneratedAt = answer.Clock.Time()
	}
	recording.keys = keysOf(recording.answers)
	return recording, nil
}

// Steps is how many answers there are.
func (r *Recording) Steps() int { return len(r.answers) }

// Keys returns the keys of the sections that the recording answers: the core's, and
// those that are in any of its answers.
func (r *Recording) Keys() []string { return slices.Clone(r.keys) }

func keysOf(answers []domain.Envelope) []string {
	keys := coreKeys()
	for _, answer := range answers {
		for _, extension := range answer.Extensions {
			if !slices.Contains(keys, extension.Key) {
				keys = append(keys, extension.Key)
			}
		}
	}
	return keys
}

func coreKeys() []string {
	return []string{domain.KeyStages, domain.KeyQueue, domain.KeyAgents, domain.KeyCost}
}

// firstInstant is that of a recording in which no answer has one: 2026-06-01
// 12:00:00 UTC, in milliseconds since 1970.
const firstInstant = 1_780_315_200_000

// placeUntimed gives an instant to each answer that has none, as those of a
// service that was switched off: evenly between the answers around it, or a
// second apart where there are answers on one side only.
func placeUntimed(answers []domain.Envelope) {
	const second = 1000
	next := 0 // the answer with an instant that follows, if there is one
	for i := range answers {
		for next < len(answers) && (next < i || !timed(answers[next])) {
			next++
		}
		at := &answers[i].Clock.UnixMS
		switch after := next < len(answers); {
		case next == i:
		case i == 0 && after:
			*at = answers[next].Clock.UnixMS - int64(next)*second
		case i == 0:
			*at = firstInstant + second
		case after:
			before := answers[i-1].Clock.UnixMS
			*at = before + max(0, answers[next].Clock.UnixMS-before)/int64(next-i+1)
		default:
			*at = answers[i-1].Clock.UnixMS + second
		}
	}
}

func timed(answer domain.Envelope) bool { return answer.Clock != (domain.Instant{}) }

// maxBoottime bounds clock.boottime_ms: differences of such numbers are exact.
const maxBoottime = 1 << 53

// checkInstant refuses an instant that no clock of a host can show.
func checkInstant(answer domain.Envelope) error {
	at := answer.Clock
	switch {
	case !domain.Showable(at.Time()):
		return fmt.Errorf("its time, %d ms since 1970, is not in the years 0 to 9999", at.UnixMS)
	case at.BoottimeMS != nil && (*at.BoottimeMS < 0 || *at.BoottimeMS > maxBoottime):
		return errors.New("its clock.boottime_ms is not between 0 and 2^53")
	case !answer.GeneratedAt.IsZero() && !answer.GeneratedAt.Truncate(time.Second).Equal(at.Time()):
		return fmt.Errorf("its generated_at is %s, but its clock says %s",
			answer.GeneratedAt.Format(time.RFC3339), at.Time().Format(time.RFC3339))
	default:
		return nil
	}
}
