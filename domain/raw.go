package domain

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
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

// Encode returns a value as JSON without white space. Unlike json.Marshal it leaves
// <, > and & as they are: an answer is no HTML, and in six bytes each they would
// let a megabyte of them be six.
func Encode(value any) ([]byte, error) {
	var buf bytes.Buffer
	raw, isRaw := value.(json.RawMessage)
	if isRaw && raw != nil {
		buf.Grow(len(raw))
		err := json.Compact(&buf, raw)
		return buf.Bytes(), err
	}
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), err
}

// Overflows tells whether a JSON value has a number that no 64-bit float holds,
// such as 1e999: readers refuse the whole answer for one, or take it for infinity.
func Overflows(value []byte) bool {
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

// validUTF8 replaces what is not UTF-8 in a JSON value by U+FFFD. encoding/json
// does so in strings, but not within a RawMessage. The value may be changed in
// place.
func validUTF8(value []byte) []byte {
	replaceSurrogates(value)
	if utf8.Valid(value) {
		return value
	}
	return bytes.ToValidUTF8(value, []byte(string(utf8.RuneError)))
}

// replaceSurrogates replaces each escaped half of a surrogate pair whose other
// half is missing: there is no UTF-8 for it, and strict readers refuse the whole
// answer.
func replaceSurrogates(value []byte) {
	for i := 0; ; {
		next := bytes.IndexByte(value[i:], '\\')
		if next < 0 {
			return
		}
		i += next
		first, escaped := escapedRune(value[i:])
		switch second, _ := escapedRune(value[min(len(value), i+6):]); {
		case !escaped:
			i = min(len(value), i+2)
		case !utf16.IsSurrogate(first):
			i += 6
		case utf16.DecodeRune(first, second) != utf8.RuneError:
			i += 12
		default:
			copy(value[i:], `\ufffd`)
			i += 6
		}
	}
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
