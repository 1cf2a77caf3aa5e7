package domain

import (
	"strings"
	"unicode"
)

// Printable returns a text as it may be shown to people within a line: what moves
// a cursor, begins a line, turns the direction of writing or cannot be seen is
// U+FFFD. Names of files, cells and settings may hold anything; whoever writes them
// for people writes them through this.
func Printable(text string) string {
	return strings.Map(func(letter rune) rune {
		if unicode.IsPrint(letter) {
			return letter
		}
		return unicode.ReplacementChar
	}, text)
}
