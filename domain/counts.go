package domain

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The statuses that are always counted, in the order of the envelope.
var knownStatuses = [...]string{"queued", "running", "done", "failed", "cancelled"}

// KnownStatuses returns them.
func KnownStatuses() []string { return slices.Clone(knownStatuses[:]) }

// StatusQueued is the status that makes up the queue's depth, StatusRunning that of
// the jobs that are listed.
const (
	StatusQueued  = "queued"
	StatusRunning = "running"
)

// StatusCounts is the number of jobs by status. A nil map is null.
type StatusCounts map[string]int64

// NewStatusCounts returns the five known statuses at 0.
func NewStatusCounts() StatusCounts {
	counts := make(StatusCounts, len(knownStatuses))
	for _, status := range knownStatuses {
		counts[status] = 0
	}
	return counts
}

// MarshalJSON writes the known statuses first and in their order, then any
// other by name.
func (c StatusCounts) MarshalJSON() ([]byte, error) {
	if c == nil {
		return []byte("null"), nil
	}
	shown := NewStatusCounts()
	for status, jobs := range c { // two names may become one
		shown[strings.ToValidUTF8(status, string(utf8.RuneError))] += jobs
	}
	others := slices.DeleteFunc(slices.Sorted(maps.Keys(shown)), func(status string) bool {
		return slices.Contains(knownStatuses[:], status)
	})
	dst := []byte{'{'}
	for i, status := range slices.Concat(knownStatuses[:], others) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(appendText(dst, &status), ':'), shown[status], 10)
	}
	return append(dst, '}'), nil
}

var _ json.Marshaler = StatusCounts(nil)
