package sqlstore

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orchmetrics/orchmetrics/domain"
)

// jobSums is what the queue shows of many jobs.
type jobSums struct {
	counts  [len(countedStatuses)]int64
	others  map[string]int64 // by any other status
	retries domain.Retries
	// overflow is set if the retries left the range of an integer.
	overflow bool
	// truncated is set if there were more statuses than the row cap.
	truncated bool
	// Cells that are not of their type, and count nowhere.
	oddStatuses, oddAttempts int64
}

// countedStatuses are the statuses that have a counter of their own. Others are
// rare, and go to a map.
var countedStatuses = [...]string{"queued", "running", "done", "failed", "cancelled"}

// maxOthers is how many other statuses a ledger keeps. A table with more does
// not use the column for a status.
const maxOthers = 256

// jobsTable is the table of jobs.
type jobsTable struct{}

var _ table[jobSums] = jobsTable{}

func (jobsTable) name() string { return "jobs" }

func (jobsTable) alias() string { return "j" }

// active are the jobs that wait or run.
func (jobsTable) active(ses *session) (string, error) {
	if _, err := ses.columns("jobs", "j", "status"); err != nil {
		return noIDs, unlessDrift(err) // nobody can tell; the counts say what is missing
	}
	from, status, err := ses.by("jobs", "j", "status")
	return "SELECT j.id AS id, 1 AS active FROM " + from + " WHERE " + status + " IN ('queued','running')", err
}

// unsettled is no row: a job that is not active has ended.
func (jobsTable) unsettled(*session) string { return never }

func (jobsTable) merge(sums *jobSums, other jobSums, sign int64) {
	for i, n := range other.counts {
		sums.counts[i] += sign * n
	}
	for status, n := range other.others {
		sums.count(status, sign*n)
	}
	sums.oddStatuses += sign * other.oddStatuses
	sums.oddAttempts += sign * other.oddAttempts
	sums.retries.RetriedJobs += sign * other.retries.RetriedJobs
	sums.overflow = !addTo(&sums.retries.RetriesTotal, other.retries.RetriesTotal, sign) || sums.overflow || other.overflow
	sums.truncated = sums.truncated || other.truncated
	if sign > 0 { // the highest of the rest is not known; a recount finds it
		sums.retries.MaxAttemptsSeen = max(sums.retries.MaxAttemptsSeen, other.retries.MaxAttemptsSeen)
	}
}

func (jobsTable) bulky(sums jobSums) bool { return len(sums.others) > maxOthers || sums.truncated }

// count adds jobs of one status.
func (s *jobSums) count(status string, jobs int64) {
	if i := slices.Index(countedStatuses[:], status); i >= 0 {
		s.counts[i] += jobs
		return
	}
	if s.others == nil {
		s.others = map[string]int64{}
	}
	if s.others[status] += jobs; s.others[status] == 0 {
		delete(s.others, status)
	}
}

func (jobsTable) cells(ses *session) ([]string, error) {
	jobs, err := ses.columns("jobs", "j")
	if err != nil {
		return nil, err
	}
	return []string{jobs.textOf("status"), jobs.integerOf("attempts")}, nil
}

func (jobsTable) one(row *cells) (sums jobSums) {
	if status := row.text(); status != nil {
		sums.count(*status, 1)
	}
	sums.oddStatuses = row.takeAnomalies()
	if attempts := row.integer(); attempts != nil && *attempts > 0 {
		sums.retries.MaxAttemptsSeen = *attempts
		sums.retries.RetriesTotal = *attempts - 1
		sums.retries.RetriedJobs = min(1, *attempts-1)
	}
	sums.oddAttempts = row.takeAnomalies()
	return sums
}

// plain is one pass for both the statuses and the retries.
func (t jobsTable) plain(ses *session, where string) (string, error) {
	from, err := t.from(ses, where)
	query := "SELECT max(id), count(*), sum(a > 0), sum(a > 1), sum(a), max(a), min(a)"
	for _, status := range countedStatuses {
		query += ", sum(s = '" + status + "' COLLATE BINARY)"
	}
	return query + from, err
}

func (jobsTable) from(ses *session, where string) (string, error) {
	jobs, err := ses.columns("jobs", "j")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(" FROM (SELECT %s AS id, %s AS s, %s AS a FROM jobs j WHERE %s)",
		jobs.ref("id"), jobs.ref("status"), jobs.ref("attempts"), where), nil
}

// scan takes the sums for all there is to say if each attempt is a whole number
// and each status has a counter.
func (jobsTable) scan(row *cells) (b block[jobSums], plain bool) {
	b.last, b.rows = row.orZero(), row.orZero()
	started, retried := row.orZero(), row.orZero()
	attempts, whole := row.take().(int64)
	highest, lowest := row.take(), row.take()
	most, mostWhole := highest.(int64) // a text is higher than all numbers
	least, _ := lowest.(int64)
	plain = whole && mostWhole && least >= 0 || highest == nil
	if plain && whole {
		b.sums.retries.RetriedJobs = retried
		b.sums.retries.RetriesTotal = attempts - started
		b.sums.retries.MaxAttemptsSeen = most
	}
	var counted int64
	for i := range b.sums.counts {
		b.sums.counts[i] = row.orZero()
		counted += b.sums.counts[i]
	}
	return b, plain && counted == b.rows
}

// odd sums rows among which any cell may be of any type.
func (t jobsTable) odd(ses *session, where string, args ...any) (sums jobSums, err error) {
	from, err := t.from(ses, where)
	if err != nil {
		return sums, err
	}
	// The row cap spares the known ones.
	statuses := fmt.Sprintf("SELECT %s, count(*)%s GROUP BY s COLLATE BINARY ORDER BY s IN ('%s') DESC, s LIMIT %d",
		textExpr("s"), from, strings.Join(countedStatuses[:], "','"), ses.maxRows+1)
	groups := 0
	err = ses.query(func(row *cells) {
		if groups++; groups > ses.maxRows {
			sums.truncated = true
			return
		}
		status, jobs := row.text(), row.orZero()
		switch {
		case status != nil:
			sums.count(*status, jobs)
		case row.takeAnomalies() > 0:
			sums.oddStatuses += jobs
		}
	}, statuses, args...)
	if err != nil {
		return sums, err
	}
	attempts := fmt.Sprintf(`SELECT sum(n > 1), sum(max(n - 1, 0)), max(n), sum(odd)
		FROM (SELECT CASE typeof(a) WHEN 'integer' THEN a ELSE 0 END AS n, %s AS odd%s)`, notOneOf("a", "integer"), from)
	err = ses.query(func(row *cells) {
		sums.retries = domain.Retries{RetriedJobs: row.orZero(), RetriesTotal: row.orZero(), MaxAttemptsSeen: max(row.orZero(), 0)}
		sums.oddAttempts = row.orZero()
	}, attempts, args...)
	if isOverflow(err) {
		sums.overflow, err = true, nil
	}
	return sums, err
}
