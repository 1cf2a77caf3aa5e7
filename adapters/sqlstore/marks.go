package sqlstore

import (
	"fmt"
	"hash/fnv"
	"math"
	"strings"

	"github.com/orchmetrics/orchmetrics/internal/rollup"
)

// active are the rows that have not ended, as one view sees them: the jobs that wait
// or run, and their runs, since a job that waits may go on with the one it had.
type active struct{ jobs, runs []rollup.Mark }

// maxVersions is how many rows are looked at one by one. Of more only the ids are
// read, and their blocks are hot.
const maxVersions = 10_000

// active returns the rows that have not ended, which are read once for a scrape; none
// if the jobs cannot tell: then their own section says what is missing.
func (r *reader[S]) active() (active, error) {
	if known := r.scrape.active.Load(); known != nil {
		return *known, nil
	}
	if r.table.name() == "agent_runs" {
		if _, err := r.q.columns("jobs", "j", "run_id"); err != nil {
			return active{}, unlessDrift(err)
		}
	}
	found, err := r.q.activeRows()
	if err != nil {
		return active{}, unlessDrift(err)
	}
	r.scrape.active.Store(&found)
	return found, nil
}

func (q *queries) activeRows() (active, error) {
	jobs, err := q.columns("jobs", "j", "id", "status")
	if err != nil {
		return active{}, err
	}
	from, status, err := q.by(jobs, "status")
	if err != nil {
		return active{}, err
	}
	join, figures, err := q.figures(jobs)
	if err != nil {
		return active{}, err
	}
	ids := fmt.Sprintf("SELECT j.id, CASE WHEN %s = '%s' THEN 1 ELSE 0 END, %s", status, running, jobs.integer("run_id"))
	where := fmt.Sprintf(" WHERE %s IN ('%s','%s') LIMIT ?", status, queued, running)
	found, err := q.marks(ids+", "+jobs.integer("attempts")+figures+" FROM "+from+join+where, maxVersions+1, false)
	if join != "" && q.unreadable(err) {
		found, err = q.marks(ids+", "+jobs.integer("attempts")+" FROM "+from+where, maxVersions+1, false) // the runs' own section says why
	}
	if err == nil && len(found.jobs) > maxVersions {
		found, err = q.marks(ids+", NULL FROM "+from+where, math.MaxInt64, true)
	}
	return found, err
}

// figures are what is summed of the run of a job, and the join that leads to it;
// nothing where no sums are kept of runs.
func (q *queries) figures(jobs *columns) (join, cells string, err error) {
	runs, err := q.columns("agent_runs", "r", "id")
	if err != nil || !runs.Keyed {
		return "", "", unlessDrift(err)
	}
	return " LEFT JOIN agent_runs r ON r.id = " + jobs.ref("run_id"), ", " + strings.Join(runsTable{nil}.cells(runs), ", "), nil
}

// marks reads the id of jobs, whether they run, their run, their attempts, and what
// is summed of the run.
func (q *queries) marks(query string, limit int64, allHot bool) (found active, err error) {
	rows := q.Query(query, limit)
	for rows.Next() {
		id, isRunning, run := rows.ID(), rows.Count(), rows.Integer()
		attempts, figures := rows.Value(), rows.Rest()
		hot := allHot || isRunning == 1
		found.jobs = append(found.jobs, rollup.Mark{ID: id, Version: versionOf(isRunning, attempts), Hot: hot})
		if run != nil {
			found.runs = append(found.runs, rollup.Mark{ID: *run, Version: versionOf(figures...), Hot: hot})
		}
	}
	return found, rows.Close() //nolint:wrapcheck // says what it could not do
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
