package sqlstore

import (
	"fmt"
	"hash/fnv"
	"math"

	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/internal/rollup"
)

// active are the rows that have not ended, as one view sees them, by table: the jobs
// that wait or run, and their runs, since a job that waits may go on with the one it had.
type active map[string][]rollup.Mark

// maxVersions is how many rows are looked at one by one. Of more only the ids are
// read, and their blocks are hot.
const maxVersions = 10_000

// activeRows are the statements that read them; "" where the jobs cannot tell.
type activeRows struct {
	withFigures       string // of the runs; "" where no sums are kept of them
	plain, ids, count string
	runs              bool // whether those of the jobs are known
}

func (s *statements) selectActive() (rows activeRows) {
	jobs, err := s.columns("jobs", "j", "id", "status")
	if err != nil {
		return rows // the jobs' own section says what is missing
	}
	status := jobs.cell("status", jobs.dialect.Exact)
	ids := fmt.Sprintf("SELECT j.id, CASE WHEN %s = '%s' THEN 1 ELSE 0 END, %s, ", status, running, jobs.cells(engine.Integer, "run_id"))
	attempts, from := jobs.cells(engine.Integer, "attempts"), " FROM "+jobs.from()
	where := fmt.Sprintf(" WHERE %s IN ('%s','%s') LIMIT ?", status, queued, running)
	rows = activeRows{
		runs: jobs.Columns["run_id"], plain: ids + attempts + from + where,
		ids: ids + "NULL" + from + where, count: "SELECT count(*)" + from + where,
	}
	if runs, err := s.columns("agent_runs", "r", "id"); err == nil && runs.Keyed {
		join := " LEFT JOIN agent_runs r ON r.id = " + jobs.ref("run_id")
		rows.withFigures = ids + attempts + ", " + runCells(runs) + from + join + where
	}
	return rows
}

// readActive returns the rows that have not ended, each with a version of what is summed
// of it, or of many the first; none if the jobs cannot tell.
func (q *queries) readActive() (found active, err error) {
	rows := q.active
	if rows.plain == "" {
		return active{}, nil
	}
	if rows.withFigures != "" {
		found, err = q.readMarks(rows.withFigures, maxVersions+1, false)
	}
	// Where the figures of the runs cannot be read their own section says why.
	if rows.withFigures == "" || err != nil && q.Context.Err() == nil {
		found, err = q.readMarks(rows.plain, maxVersions+1, false)
	}
	return found, err
}

// readMany returns the marks of a table, with ids in a range, where more than maxVersions
// jobs have not ended. If these are most of what there can be, all of the table is hot:
// that is no more to read, and they need not be told apart.
func (q *queries) readMany(v *scrape, table string, ids rollup.Range) (marks []rollup.Mark, err error) {
	const most = 0.75
	if v.many == 0 {
		rows := q.Query(q.active.count, math.MaxInt64)
		for rows.Next() {
			rows.Scan(&v.many)
		}
		if err = rows.Close(); err != nil {
			return nil, err //nolint:wrapcheck // says what it could not do
		}
	}
	if float64(v.many) >= most*(float64(ids.Upto)-float64(ids.From)+1) {
		return []rollup.Mark{{Range: rollup.All(), Hot: true}}, nil
	}
	if v.many > int64(len(v.active["jobs"])) { // which are the first
		v.active, err = q.readMarks(q.active.ids, math.MaxInt64, true)
	}
	return v.active[table], err
}

// readMarks reads the id of jobs, whether they run, their run, their attempts, and what
// is summed of the run.
func (q *queries) readMarks(query string, limit int64, allHot bool) (active, error) {
	var jobs, runs []rollup.Mark
	rows := q.Query(query, limit)
	for rows.Next() {
		var id, isRunning int64
		var run *int64
		var attempts any
		rows.Scan(&id, &isRunning, &run, &attempts)
		hot := allHot || isRunning == 1
		jobs = append(jobs, rollup.Mark{Range: rollup.Range{From: id, Upto: id}, Version: versionOf(isRunning, attempts), Hot: hot})
		if run != nil {
			runs = append(runs, rollup.Mark{Range: rollup.Range{From: *run, Upto: *run}, Version: versionOf(rows.Rest()...), Hot: hot})
		}
	}
	return active{"jobs": jobs, "agent_runs": runs}, rows.Close() //nolint:wrapcheck // says what it could not do
}

// versionOf is a number that differs where a cell does, as good as always (FNV-1a).
func versionOf(cells ...any) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	version := uint64(offset)
	for _, cell := range cells {
		var bits uint64
		switch cell := cell.(type) {
		case int64:
			bits = uint64(cell) //nolint:gosec // all that counts is that it differs
		case float64:
			bits = math.Float64bits(cell)
		case nil:
			bits = math.MaxUint64
		default:
			hash := fnv.New64a()
			_, _ = fmt.Fprint(hash, cell) // never fails
			bits = hash.Sum64()
		}
		version = (version ^ bits) * prime
	}
	return version
}
