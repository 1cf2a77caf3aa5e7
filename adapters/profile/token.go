package profile

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// This file takes a statement apart, as both engines read it.

// token is a word, a quoted name, a text, or one sign of a statement.
type token struct {
	text   string // of a quoted name what is within the quotes
	kind   tokenKind
	line   int // within the statement, from 0
	depth  int // how many parentheses are open before it
	quoted bool
}

type tokenKind int

const (
	isWord tokenKind = iota // of letters and digits, or a quoted name
	isText                  // a text in quotes
	isSign
)

// is tells whether a token is a word of SQL.
func (t token) is(words ...string) bool {
	return t.kind == isWord && !t.quoted && slices.Contains(words, strings.ToUpper(t.text))
}

// number tells whether a word is a number.
func (t token) number() bool { return !t.quoted && '0' <= t.text[0] && t.text[0] <= '9' }

// tokenize takes a statement apart. end is where it ends, before a semicolon.
func tokenize(sql string) (tokens []token, end int, err error) {
	s := scanner{sql: sql}
	for {
		t, found, err := s.next()
		switch {
		case err != nil:
			return nil, 0, err
		case !found && s.depth > 0:
			return nil, 0, wrong(s.line, "a parenthesis is not closed")
		case !found:
			return tokens, len(sql), nil
		}
		if t.kind == isSign && t.text == ";" {
			end = s.at - 1
			if _, more, err := s.next(); more || err != nil {
				return nil, 0, wrong(t.line, "there is more than one statement; write one SELECT")
			}
			if t.depth > 0 {
				return nil, 0, wrong(t.line, "a parenthesis is not closed")
			}
			return tokens, end, nil
		}
		tokens = append(tokens, t)
	}
}

// scanner goes through a statement.
type scanner struct {
	sql   string
	at    int
	line  int
	depth int
}

// next returns the next token; not found at the end.
func (s *scanner) next() (token, bool, error) {
	if err := s.skip(); err != nil || s.at == len(s.sql) {
		return token{}, false, err
	}
	t := token{line: s.line, depth: s.depth}
	switch c := s.sql[s.at]; {
	case c == '\'':
		return s.quoted(t, c, isText)
	case c == '"', c == '`':
		return s.quoted(t, c, isWord)
	case c == '[':
		return s.quoted(t, ']', isWord)
	case letter(c):
		t.text = s.while(letter)
		if s.at < len(s.sql) && s.sql[s.at] == '\'' && strings.EqualFold(t.text, "e") {
			return t, false, wrong(s.line, "a text with escapes (E'...') cannot be read here; write it without")
		}
		return t, true, nil
	case c == '?', c == '@', c == '$', c == ':' && !strings.HasPrefix(s.sql[s.at:], "::"):
		return t, false, wrong(s.line, "%q stands for a parameter, of which there are none; write the value itself", c)
	case c == '(':
		s.depth++
	case c == ')':
		if s.depth--; s.depth < 0 {
			return t, false, wrong(s.line, "a parenthesis is closed that was never opened")
		}
		t.depth = s.depth
	}
	t.kind, t.text = isSign, s.sql[s.at:s.at+1]
	s.at++
	if t.text == ":" { // a cast
		s.at++
	}
	return t, true, nil
}

// letter tells whether a byte is part of a word. Numbers are words here.
func letter(c byte) bool {
	return c == '_' || c >= utf8.RuneSelf || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func (s *scanner) while(of func(byte) bool) string {
	from := s.at
	for s.at < len(s.sql) && of(s.sql[s.at]) {
		s.at++
	}
	return s.sql[from:s.at]
}

// skip goes over spaces and comments.
func (s *scanner) skip() error {
	for s.at < len(s.sql) {
		rest := s.sql[s.at:]
		var length int
		switch {
		case strings.ContainsRune(" \t\r\n\f", rune(rest[0])):
			length = 1
		case strings.HasPrefix(rest, "--"):
			if length = strings.IndexByte(rest, '\n'); length < 0 {
				length = len(rest)
			}
		case strings.HasPrefix(rest, "/*"):
			if length = strings.Index(rest, "*/") + 2; length < 4 {
				return wrong(s.line, "a comment is not closed")
			}
			if strings.Contains(rest[2:length], "/*") {
				return wrong(s.line, "a comment begins within another one; write -- before each of its lines")
			}
		case rest[0] == 0:
			return wrong(s.line, "there is a NUL in the statement")
		default:
			return nil
		}
		s.line += strings.Count(rest[:length], "\n")
		s.at += length
	}
	return nil
}

// quoted reads up to the closing quote, which stands for itself where it is doubled.
func (s *scanner) quoted(t token, closing byte, kind tokenKind) (token, bool, error) {
	t.kind, t.quoted = kind, true
	var text strings.Builder
	for s.at++; s.at < len(s.sql); s.at++ {
		switch c := s.sql[s.at]; {
		case c == closing && closing != ']' && strings.HasPrefix(s.sql[s.at+1:], string(closing)):
			s.at++
		case c == closing:
			s.at++
			t.text = text.String()
			return t, true, nil
		case c == '\n':
			s.line++
		}
		text.WriteByte(s.sql[s.at])
	}
	return t, false, wrong(t.line, "a quote is not closed")
}
