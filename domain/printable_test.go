package domain

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                          "",
		"plain text, 100 %":         "plain text, 100 %",
		"żółć 漢字 e\u0301 €":         "żółć 漢字 e\u0301 €",
		"a\n[+] stages ok":          "a\uFFFD[+] stages ok",
		"a\r\nb\tc":                 "a\uFFFD\uFFFDb\uFFFDc",
		"\x1b[2J\x1b]0;title\x07":   "\uFFFD[2J\uFFFD]0;title\uFFFD",
		"\u009b2J\u0085next":        "\uFFFD2J\uFFFDnext",
		"\u202ejson.exe\u2066":      "\uFFFDjson.exe\uFFFD",
		"zero\u200bwidth\u2028line": "zero\uFFFDwidth\uFFFDline",
		"\xff\x00\x7f":              "\uFFFD\uFFFD\uFFFD",
		"\uFFFD":                    "\uFFFD",
	} {
		assert.Equal(t, want, Printable(text), "%q", text)
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\n[+] stages ok")
	f.Add("\x1b[2J\xff\u202e")
	f.Fuzz(func(t *testing.T, text string) {
		got := Printable(text)
		assert.True(t, utf8.ValidString(got))
		assert.Equal(t, -1, strings.IndexFunc(got, func(letter rune) bool { return !unicode.IsPrint(letter) }))
		assert.Equal(t, utf8.RuneCountInString(text), utf8.RuneCountInString(got), "nothing is left out")
		assert.Equal(t, got, Printable(got))
	})
}
