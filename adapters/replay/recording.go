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
