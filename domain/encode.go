package domain

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// MarshalJSON writes the keys in the order of the contract. A list is never
// null. A section that cannot be encoded is shown as failed and spoils nothing
// else.
func (e Envelope) MarshalJSON() ([]byte, error) {
	if e.Disabled {
		return Encode(struct {
			SchemaVersion int  `json:"schema_version"`
			Enabled       bool `json:"enabled"`
		}{e.SchemaVersion, false})
	}
	head, err := Encode(struct {
		SchemaVersion int       `json:"schema_version"`
		GeneratedAt   time.Time `json:"generated_at"`
		ClkTck        *int64    `json:"clk_tck"`
	}{e.SchemaVersion, e.GeneratedAt, e.ClkTck})
	parts := [][]byte{bytes.TrimSuffix(head, []byte("}"))} // the sections come next
	reports := make(map[string]SectionReport, len(e.Sections))
	maps.Copy(reports, e.Sections)
	for _, section := range e.values() {
		if _, asked := reports[section.key]; !asked {
			continue
		}
		value, invalid := Encode(section.value)
		if invalid != nil || section.nests && depthOf(value) > maxDepth {
			reports[section.key] = SectionReport{Status: StatusFailed, Code: new(CodeInvalidValue)}
			value = nil
		}
		if value == nil || string(value) == "null" {
			value = []byte(section.empty)
		}
		key, keyErr := Encode(section.key)
		parts = append(parts, []byte(","), key, []byte(":"), value)
		err = errors.Join(err, keyErr)
	}
	tail, tailErr := Encode(struct {
		Clock    Instant                  `json:"clock"`
		Instance Instance                 `json:"instance"`
		Sections map[string]SectionReport `json:"sections"`
	}{e.Clock, e.Instance, reports})
	parts = append(parts, []byte(","), bytes.TrimPrefix(tail, []byte("{")))
	return bytes.Join(parts, nil), errors.Join(err, tailErr)
}

// sectionValue is a section as it is encoded, with what stands for it if there is no
// value, or none that can be.
type sectionValue struct {
	key   string
	value any
	empty string
	nests bool // its value has JSON of somebody else's, which nests as it likes
}

// values returns the sections in the order of the envelope.
func (e Envelope) values() []sectionValue {
	if e.Cost != nil { // of its lists neither is null
		e.Cost = new(*e.Cost)
		e.Cost.Running = append([]RunningCost{}, e.Cost.Running...)
		e.Cost.ByModel = append([]ModelCost{}, e.Cost.ByModel...)
	}
	values := []sectionValue{
		{KeyStages, e.Stages, "[]", false},
		{KeyQueue, e.Queue, "null", true},
		{KeyAgents, e.Agents, "[]", false},
		{KeyCost, e.Cost, "null", false},
	}
	for _, extension := range e.Extensions {
		values = append(values, sectionValue{extension.Key, extension.Value, "null", true})
	}
	return values
}

// MarshalJSON writes the known statuses first and in their order, then any
// other by name.
func (c StatusCounts) MarshalJSON() ([]byte, error) {
	if c == nil {
		return []byte("null"), nil
	}
	shown := map[string]int64{}
	for status, jobs := range c { // two names may become one
		shown[strings.ToValidUTF8(status, string(utf8.RuneError))] += jobs
	}
	others := slices.DeleteFunc(slices.Sorted(maps.Keys(shown)), func(status string) bool {
		return slices.Contains(knownStatuses[:], status)
	})
	var members [][]byte
	for _, status := range slices.Concat(knownStatuses[:], others) {
		key, err := Encode(status)
		if err != nil {
			return nil, err
		}
		members = append(members, fmt.Appendf(nil, "%s:%d", key, shown[status]))
	}
	return fmt.Appendf(nil, "{%s}", bytes.Join(members, []byte(","))), nil
}

// Showable tells whether a time, in UTC, has a year of four digits: JSON times
// hold no other.
func Showable(at time.Time) bool {
	year := at.UTC().Year()
	return year >= 0 && year <= 9999
}

// Encode returns a value as JSON without white space. Unlike json.Marshal it leaves
// <, > and & as they are: an answer is no HTML, and in six bytes each they would
// let a megabyte of them be six.
func Encode(value any) ([]byte, error) {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return validUTF8(bytes.TrimSuffix(buf.Bytes(), []byte("\n"))), err
}

// validUTF8 replaces what is not UTF-8 in a JSON value by U+FFFD: encoding/json does so
// in strings, but not within a RawMessage. It does the same with each escaped half of a
// surrogate pair whose other half is missing: there is no UTF-8 for it, and strict
// readers refuse the whole answer. The value may be changed in place.
func validUTF8(value []byte) []byte {
	if !utf8.Valid(value) {
		value = bytes.ToValidUTF8(value, []byte(string(utf8.RuneError)))
	}
	for i := 0; i < len(value); {
		next := bytes.IndexByte(value[i:], '\\')
		if next < 0 {
			break
		}
		i += next
		first, escaped := escapedRune(value[i:])
		switch second, _ := escapedRune(value[min(len(value), i+6):]); {
		case !escaped:
			i += 2
		case !utf16.IsSurrogate(first):
			i += 6
		case utf16.DecodeRune(first, second) != utf8.RuneError:
			i += 12
		default:
			copy(value[i:], `\ufffd`)
			i += 6
		}
	}
	return value
}

// escapedRune reads an escape such as \u00fc at the begin of a text.
func escapedRune(text []byte) (rune, bool) {
	const length = 6
	if len(text) < length || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	var code [2]byte
	_, err := hex.Decode(code[:], text[2:length])
	return rune(code[0])<<8 | rune(code[1]), err == nil
}

// maxDepth is how deep a section's value may nest. Readers have limits of their
// own, and the lowest default among the common JSON libraries is 64 for the
// whole answer.
const maxDepth = 60

// CheckValue returns an error that wraps CodeInvalidValue if a section's value, as JSON,
// is one for which readers would refuse the whole answer: it nests deeper than a
// section's value may, or has a number that no 64-bit float holds.
func CheckValue(value []byte) error {
	switch {
	case depthOf(value) > maxDepth:
		return fmt.Errorf("nested too deep: %w", CodeInvalidValue)
	case overflows(value):
		return fmt.Errorf("a number is beyond a float: %w", CodeInvalidValue)
	default:
		return nil
	}
}

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

// overflows tells whether a JSON value has a number that no 64-bit float holds,
// such as 1e999: readers refuse the whole answer for one, or take it for infinity.
func overflows(value []byte) bool {
	const digits = 300 // without an exponent, so many are needed at least
	var inText bool
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case !inText && (c == '-' || '0' <= c && c <= '9'):
			number := value[i : i+numberLength(value[i:])]
			if len(number) > digits || bytes.ContainsAny(number, "eE") {
				if _, err := strconv.ParseFloat(string(number), 64); err != nil {
					return true
				}
			}
			i += len(number) - 1
		}
	}
	return false
}

// numberLength is how much of the text is the number that it begins with.
func numberLength(text []byte) int {
	for i, c := range text {
		if strings.IndexByte("0123456789+-.eE", c) < 0 {
			return i
		}
	}
	return len(text)
}
