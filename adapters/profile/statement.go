package profile

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// This file looks at a statement without a database: whether it is one SELECT, and
// which columns it returns. That it writes nothing is not decided here, but by the
// engine. It is here that a mistake is told at the start, with its line.

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

// statementError is what is wrong with a statement, and in which of its lines.
type statementError struct {
	line int
	text string
}

// Error implements error.
func (s *statementError) Error() string { return s.text }

func wrong(line int, format string, args ...any) error {
	return &statementError{line: line, text: fmt.Sprintf(format, args...)}
}

// examine returns a statement without what may end it, and the names of its columns.
func examine(sql string) (statement string, columns []string, err error) {
	tokens, end, err := tokenize(sql)
	if err != nil {
		return "", nil, err
	}
	if len(tokens) == 0 {
		return "", nil, wrong(0, "there is no statement; write SELECT ...")
	}
	selected, err := findSelect(tokens)
	if err != nil {
		return "", nil, err
	}
	if err := refuseWriting(tokens); err != nil {
		return "", nil, err
	}
	columns, err = columnsOf(selected)
	return sql[:end], columns, err
}

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

// findSelect returns the statement from its SELECT on.
func findSelect(tokens []token) ([]token, error) {
	first := tokens[0]
	if first.is("SELECT") {
		return tokens, nil
	}
	if !first.is("WITH") {
		return nil, wrong(first.line, "the statement begins with %s; only a SELECT is run", first.text)
	}
	for i, t := range tokens[1:] {
		if t.depth > 0 || !t.is("SELECT", "VALUES", "TABLE", "INSERT", "REPLACE", "UPDATE", "DELETE", "MERGE") {
			continue
		}
		if !t.is("SELECT") {
			return nil, wrong(t.line, "the statement is %s; only a SELECT is run", t.text)
		}
		return tokens[1+i:], nil
	}
	return nil, wrong(first.line, "there is no SELECT behind WITH")
}

// refuseWriting finds what would write or lock, where an engine knows it within a
// SELECT.
func refuseWriting(tokens []token) error {
	for i, t := range tokens {
		before := token{kind: isSign, text: "("}
		if i > 0 {
			before = tokens[i-1]
		}
		switch {
		case t.is("INSERT", "UPDATE", "DELETE", "MERGE") && before.kind == isSign && before.text == "(" && i > 0:
			return wrong(t.line, "there is %s in the statement; it may only read", t.text)
		case t.is("INTO"):
			return wrong(t.line, "there is INTO in the statement; it may only read")
		case before.is("FOR") && t.is("UPDATE", "SHARE", "NO", "KEY"):
			return wrong(t.line, "FOR %s locks rows; leave it out", t.text)
		}
	}
	return nil
}

// columnsOf returns the names of the columns that a SELECT returns.
func columnsOf(tokens []token) (names []string, err error) {
	level := tokens[0].depth
	var item []token
	items, last := [][]token{}, tokens[0]
	for _, t := range tokens[1:] {
		if t.depth == level {
			if t.is("FROM") && !last.is("DISTINCT") || t.is("WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT") {
				break
			}
			if t.kind == isSign && t.text == "," {
				items, item, last = append(items, item), nil, t
				continue
			}
		}
		last = t
		item = append(item, t)
	}
	items = append(items, item)
	if first := items[0]; len(first) > 0 && first[0].is("DISTINCT", "ALL") {
		items[0] = first[1:]
	}
	for _, item := range items {
		name, err := nameOf(item, tokens[0].line)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// nameOf is the name of a column: what is behind AS, or that of a column that is
// returned as it is.
func nameOf(item []token, line int) (string, error) {
	if len(item) == 0 {
		return "", wrong(line, "a column is missing beside a comma")
	}
	last := item[len(item)-1]
	switch {
	case last.kind == isSign && last.text == "*" && (len(item) == 1 || item[len(item)-2].text == "."):
		return "", wrong(last.line, "* returns columns without their names being known; write each of them")
	case len(item) > 1 && item[len(item)-2].is("AS") && last.kind == isWord:
		return strings.ToLower(last.text), nil
	case len(item)%2 == 1 && plainColumn(item):
		return strings.ToLower(last.text), nil
	default:
		return "", wrong(last.line, "a column has no name; write AS and the name behind %s", last.text)
	}
}

// plainColumn tells whether a column is returned as it is: t.status, say.
func plainColumn(item []token) bool {
	for i, t := range item {
		if i%2 == 0 && t.kind != isWord || i%2 == 1 && t.text != "." {
			return false
		}
	}
	return true
}
