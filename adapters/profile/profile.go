package profile

import (
	"slices"
	"strings"
)

// Profile says where an orchestrator keeps what the envelope shows.
type Profile struct {
	// File is where it was read from, for messages.
	File  string
	Name  string
	About string
	// Databases are in the order of the file; the first is what ORCH_DB replaces.
	Databases []Database
	// states are ours by theirs.
	states  map[string]string
	queries map[string]*query
}

// Database is one that a profile reads.
type Database struct {
	Name string
	// Path is where it lies, or the URL of a server's. It may begin with ~/, the home of
	// who runs the service.
	Path string
	// Beside is the database in whose folder the path begins; empty if it is a path
	// as any other.
	Beside string
	// Optional is set if what it holds is left out where there is no such file.
	Optional bool

	line int
}

// Server tells whether the database is one of a server, in whose SQL the queries are.
func (d Database) Server() bool { return isServer(d.Path) }

// isServer tells whether a location is the URL of a server.
func isServer(location string) bool {
	scheme, _, found := strings.Cut(location, "://")
	return found && scheme != "file"
}

// database finds a database by its name, which there is.
func (p *Profile) database(name string) Database {
	i := slices.IndexFunc(p.Databases, func(d Database) bool { return d.Name == name })
	return p.Databases[i]
}

// query is one SELECT.
type query struct {
	form

	sql      string
	database string
	returns  []string          // its columns, in their order
	times    map[string]string // the form of a timestamp by its column
	line     int               // of the statement
}

// has tells whether the query returns a column.
func (q *query) has(name string) bool {
	return slices.Contains(q.returns, name)
}

// Has tells whether the profile has a query.
func (p *Profile) Has(key string) bool { return p.queries[key] != nil }

// history is how many queries read what has ended.
func (p *Profile) history() (n int) {
	for _, q := range p.queries {
		if q.history {
			n++
		}
	}
	return n
}
