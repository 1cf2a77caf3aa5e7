package profile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics/internal/engine"
)

// Finding is what one of a profile's queries did when it was run once.
type Finding struct {
	// Query is its key, and Line that of its statement in File.
	Query string
	File  string
	Line  int
	// Err says why it cannot be run; it wraps a domain.Code if it has one.
	Err  error
	Took time.Duration
	// Rows are those that it returned, up to the row cap, and Anomalies the cells
	// among them that cannot be read.
	Rows, Anomalies int64
	// Scans are the steps of its plan that read a whole table or index. History tells
	// whether they are expected, since it is not run at each scrape.
	Scans   []string
	History bool
	// First are the cells of its first row as they are read, by their columns.
	First map[string]any
	// Missing are the columns that it does not return: what they show is null.
	Missing []string
}

// Check runs each query of the profile once, and says what it did.
func (s *Store) Check(ctx context.Context) []Finding {
	ctx, v, end := s.viewed(ctx)
	defer end()
	var found []Finding
	for _, f := range forms() {
		q := s.profile.queries[f.key]
		if q == nil {
			continue
		}
		finding := Finding{Query: q.key, File: s.profile.File, Line: q.line, History: q.history}
		for _, c := range q.columns {
			ref := strings.TrimSuffix(c.name, "_id") + "_ref"
			if !q.has(c.name) && !q.has(ref) && !c.required && c.name != unreadable && c.kind != kindRef {
				finding.Missing = append(finding.Missing, c.name)
			}
		}
		session, err := v.views[q.database].Session(ctx)
		if err != nil {
			err = s.leftOut(q, err)
		} else {
			if err = session.Guard(true); err == nil {
				err = finding.run(session, q, s.opts.MaxRows)
			}
			err = session.Check(err)
			session.End()
		}
		finding.Err = err
		found = append(found, finding)
	}
	return found
}

// run runs the query and looks at its plan.
func (f *Finding) run(session *engine.Session, q *query, maxRows int) (err error) {
	statement := q.statement(session.Dialect(), maxRows)
	if f.Scans, err = session.Dialect().Scans(session, statement); err != nil {
		return err
	}
	f.Scans = slices.DeleteFunc(f.Scans, func(scan string) bool { return strings.HasSuffix(scan, " "+wrapped) }) // of what it returned
	began := time.Now()
	r := reader{session.Query(statement), q}
	for r.Next() {
		if f.Rows++; f.Rows == 1 {
			f.First = r.cells()
			f.Anomalies += r.Anomalies()
			continue
		}
		_ = r.cells()
		f.Anomalies += r.Anomalies()
	}
	err = r.Close()
	f.Took = time.Since(began)
	return err
}

// cells are all cells of a row as they are read.
func (r reader) cells() map[string]any {
	cells := map[string]any{}
	for _, c := range r.q.columns {
		var cell any
		switch c.kind {
		case kindInteger:
			cell = scanned[int64](r)
		case kindReal:
			cell = scanned[float64](r)
		case kindText:
			cell = scanned[string](r)
		case kindTime:
			cell = r.time(c.name)
		case kindRef:
			cell = r.ref()
		}
		if r.q.has(c.name) {
			cells[c.name] = cell
		}
	}
	return cells
}

func scanned[T any](r reader) (value *T) {
	r.Scan(&value)
	return value
}

// Fits tells whether a database has all the tables and columns that the queries over a
// profile's first database name.
func (p *Profile) Fits(ctx context.Context, e engine.Engine) bool {
	view := engine.NewView(ctx, e)
	defer view.End()
	for _, q := range p.queries {
		if q.database != p.Databases[0].Name {
			continue
		}
		session, err := view.Session(ctx)
		if err != nil {
			return false
		}
		_, err = session.Dialect().Scans(session, q.statement(session.Dialect(), 1))
		session.End()
		if err != nil {
			return false
		}
	}
	return true
}

// Guess returns the names of the profiles that come with the program and fit a database.
func Guess(ctx context.Context, e engine.Engine) (names []string) {
	for _, name := range Names() {
		p, err := Load(name, nil)
		if err == nil && p.Fits(ctx, e) {
			names = append(names, name)
		}
	}
	return names
}

// Where says where the query is, for people.
func (f Finding) Where() string { return fmt.Sprintf("%s:%d: %s.%s", f.File, f.Line, f.Query, keySQL) }
