package profile

import (
	"fmt"
	"strings"
)

// This file looks at a statement without a database: whether it is one SELECT, and
// which columns it returns. That it writes nothing is not decided here, but by the
// engine. It is here that a mistake is told at the start, with its line.

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
		if i%2 == 0 && (t.kind != isWord || t.number()) || i%2 == 1 && t.text != "." {
			return false
		}
	}
	return true
}
