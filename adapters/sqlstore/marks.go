package sqlstore

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"

	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/internal/rollup"
)

// active are the rows that have not ended, as one view sees them, by table: the jobs
// that wait or run, and their runs, since a job that waits may go on with the one it had.
type active map[string][]rollup.Mark

// maxVersions is how many rows are looked at one by one. Of more only the ids are
// read, and their blocks are hot.
const maxVersions = 10_000

// activeRows are the statements that read them.
type activeRows struct {
	withFigures string // of the runs; "" where no sums are kept of them
	plain, ids  string
	// jobs and runs tell whether the rows of those can be known.
	jobs, runs bool
}

// active returns the rows that have not ended, each with a version of what is summed of
// it, for the sums of a table; none if the jobs cannot tell: then their own section says
// what is missing.
func (q *queries) active(table string) (found active, err error) {
	rows, err := once(q, "active rows", selectActive)
	if err != nil || !rows.jobs || table == "agent_runs" && !rows.runs {
		return nil, err
	}
	query := rows.plain
	if rows.withFigures != "" {
		query = rows.withFigures
	}
	found, err = q.marks(query, maxVersions+1, false)
	if err != nil && rows.withFigures != "" && q.unreadable(err) { // the runs' own section says why
		found, err = q.marks(rows.plain, maxVersions+1, false)
	}
	if err == nil && len(found["jobs"]) > maxVersions {
		found, err = q.marks(rows.ids, math.MaxInt64, true)
	}
	return found, err
}

func selectActive(q *queries) (rows activeRows, err error) {
	jobs, err := q.columns("jobs", "j", "id", "status")
	if err != nil {
		return rows, unlessDrift(err)
	}
	runs, err := q.columns("agent_runs", "r", "id")
	if unlessDrift(err) != nil {
		return rows, err
	}
	status := jobs.cell("status", jobs.dialect.Exact)
	ids := fmt.Sprintf("SELECT j.id, CASE WHEN %s = '%s' THEN 1 ELSE 0 END, ", status, running) + jobs.cells(engine.Integer, "run_id")[0]
	attempts := ", " + jobs.cells(engine.Integer, "attempts")[0]
	from := " FROM " + jobs.from()
	where := fmt.Sprintf(" WHERE %s IN ('%s','%s') LIMIT ?", status, queued, running)
	rows = activeRows{jobs: true, runs: jobs.Columns["run_id"], plain: ids + attempts + from + where, ids: ids + ", NULL" + from + where}
	if err == nil && runs.Keyed {
		figures := ", " + strings.Join(runCells(runs), ", ")
		rows.withFigures = ids + attempts + figures + from + " LEFT JOIN agent_runs r ON r.id = " + jobs.ref("run_id") + where
	}
	return rows, nil
}

// marks reads the id of jobs, whether they run, their run, their attempts, and what
// is summed of the run.
func (q *queries) marks(query string, limit int64, allHot bool) (active, error) {
	var jobs, runs []rollup.Mark
	rows := q.Query(query, limit)
	for rows.Next() {
		var id, isRunning int64
		var run *int64
		var attempts any
		rows.Scan(&id, &isRunning, &run, &attempts)
		hot := allHot || isRunning == 1
		jobs = append(jobs, rollup.Mark{ID: id, Version: versionOf(isRunning, attempts), Hot: hot})
		if run != nil {
			runs = append(runs, rollup.Mark{ID: *run, Version: versionOf(rows.Rest()...), Hot: hot})
		}
	}
	return active{"jobs": slices.Clip(jobs), "agent_runs": slices.Clip(runs)}, rows.Close() //nolint:wrapcheck // says what it could not do
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
