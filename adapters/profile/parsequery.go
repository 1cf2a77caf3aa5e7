package profile

import (
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/orchmetrics/orchmetrics/domain"
)

// queries reads all queries.
func (p parser) queries(given map[string]entry, made *Profile) error {
	for _, f := range forms() {
		e, found := given[f.key]
		if !found {
			continue
		}
		q, err := p.query(f, e, made)
		if err != nil {
			return err
		}
		made.queries[f.key] = q
	}
	if len(made.queries) == 0 {
		return p.errorf(nil, "", "it has no query; write at least %s or %s", Stages, Running)
	}
	for _, needs := range [][2]string{{Waiting, Counts}, {Models, Totals}} {
		if made.Has(needs[0]) && !made.Has(needs[1]) {
			return p.errorf(given[needs[0]].node, needs[0], "it is shown as a part of %s only, which is missing; write that query, too", needs[1])
		}
	}
	if made.Has(Models) && made.queries[Models].database != made.queries[Totals].database {
		return p.errorf(given[Models].node, below(Models, keyDatabase),
			"it is not the database of %s, whose parts it shows; write the same", Totals)
	}
	return nil
}

func (p parser) query(f form, e entry, made *Profile) (*query, error) {
	entries, err := p.mapping(e.value, f.key, []string{keySQL, keyDatabase, keyTimes})
	if err != nil {
		return nil, err
	}
	q := &query{form: f, database: made.Databases[0].Name, times: map[string]string{}}
	var times *yaml.Node
	for _, e := range entries {
		path := below(f.key, e.key)
		switch e.key {
		case keySQL:
			err = p.statement(q, e.value, path)
		case keyDatabase:
			if q.database, err = p.text(e.value, path); err == nil && !slices.Contains(made.databaseNames(), q.database) {
				err = p.errorf(e.value, path, "there is no database %q; %s", q.database, domain.Choices(made.databaseNames(), q.database))
			}
		case keyTimes:
			times = e.value
		}
		if err != nil {
			return nil, err
		}
	}
	if q.sql == "" {
		return nil, p.errorf(e.node, f.key, "the key %s is missing; write a SELECT", keySQL)
	}
	if p.syntax != nil && !made.database(q.database).Server() { // a server is asked when it is there
		if err := p.syntax(q.sql); err != nil {
			return nil, p.errorf(&yaml.Node{Line: q.line}, below(f.key, keySQL), "%s", err)
		}
	}
	return q, p.times(q, times)
}

// statement reads the SQL of a query.
func (p parser) statement(q *query, node *yaml.Node, path string) error {
	text, err := p.text(node, path)
	if err != nil {
		return err
	}
	q.line = node.Line
	if node.Style&yaml.LiteralStyle != 0 {
		q.line++ // it begins below its sign
	}
	at := func(line int) *yaml.Node {
		if node.Style&yaml.LiteralStyle == 0 {
			line = 0 // where lines are folded, only that of the key is known
		}
		return &yaml.Node{Line: q.line + line}
	}
	q.sql, q.returns, err = examine(text)
	if bad := (*statementError)(nil); errors.As(err, &bad) {
		return p.errorf(at(bad.line), path, "%s", bad.text)
	}
	return p.columns(q, at(0), path)
}

// columns tells whether a query returns what it may and must.
func (p parser) columns(q *query, node *yaml.Node, path string) error {
	for i, name := range q.returns {
		if _, known := q.column(name); !known {
			return p.errorf(node, path, "it returns a column %q, which is not known; %s", name, domain.Choices(q.names(), name))
		}
		if slices.Contains(q.returns[:i], name) {
			return p.errorf(node, path, "it returns the column %s twice", name)
		}
	}
	for _, c := range q.columns {
		ref := strings.TrimSuffix(c.name, "_id") + "_ref"
		switch {
		case ref != c.name && q.has(c.name) && q.has(ref):
			return p.errorf(node, path,
				"it returns both %s and %s; leave one out: %s for whole numbers, %s for any other id", c.name, ref, c.name, ref)
		case !c.required || q.has(c.name) || c.instead != "" && q.has(c.instead):
		case c.instead != "":
			return p.errorf(node, path, "it does not return %s, nor %s; one of them is needed", c.name, c.instead)
		default:
			return p.errorf(node, path, "it does not return %s, which is needed", c.name)
		}
	}
	return nil
}

// times reads the forms of a query's timestamps.
//
//nolint:gocognit // one key after the other
func (p parser) times(q *query, node *yaml.Node) error {
	for _, c := range q.columns {
		if c.kind == kindTime && q.has(c.name) {
			q.times[c.name] = timeSQL
		}
	}
	if node == nil {
		return nil
	}
	path := below(q.key, keyTimes)
	entries, err := p.mapping(node, path, nil)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, is := q.times[e.key]; !is {
			var names []string
			for _, name := range q.returns {
				if _, is := q.times[name]; is {
					names = append(names, name)
				}
			}
			if len(names) == 0 {
				return p.errorf(e.node, path, "the query returns no timestamp; leave %s out", keyTimes)
			}
			return p.errorf(e.node, path, "%q is no timestamp that the query returns; %s", e.key, domain.Choices(names, e.key))
		}
		form, err := p.text(e.value, below(path, e.key))
		if err != nil {
			return err
		}
		if !slices.Contains(timeForms, form) {
			return p.errorf(e.value, below(path, e.key), "%q is no form of a timestamp; %s", form, domain.Choices(timeForms, form))
		}
		q.times[e.key] = form
	}
	return nil
}
