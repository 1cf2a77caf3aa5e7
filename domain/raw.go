package domain

import (
	"bytes"
	"time"
	"unicode/utf8"
)

// Showable tells whether a time, in UTC, has a year of four digits: JSON times
// hold no other.
func Showable(at time.Time) bool {
	year := at.UTC().Year()
	return year >= 0 && year <= 9999
}

// maxDepth is how deep a section's value may nest. Readers have limits of their
// own, and the lowest default among the common JSON libraries is 64 for the
// whole answer.
const maxDepth = 60

// TooDeep tells whether a JSON value nests deeper than a section's value may.
func TooDeep(value []byte) bool { return depthOf(value) > maxDepth }

// depthOf counts how many objects and lists of a JSON value are open at once, at
// most.
func depthOf(value []byte) int {
	var deepest, open int
	var inText bool
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			open++
			deepest = max(deepest, open)
		case c == '}' || c == ']':
			open--
		}
	}
	return deepest
}

// validUTF8 replaces what is not UTF-8 in a JSON value by U+FFFD. encoding/json
// does so in strings, but not within a RawMessage.
func validUTF8(value []byte) []byte {
	if utf8.Valid(value) {
		return value
	}
	return bytes.ToValidUTF8(value, []byte(string(utf8.RuneError)))
}
