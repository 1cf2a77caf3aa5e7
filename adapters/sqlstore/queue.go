package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/ports"
)

// StatusCounts implements ports.QueueSource. A job whose status is not text is
// an anomaly, and counted nowhere.
func (s *Store) StatusCounts(ctx context.Context) (reading ports.Reading[domain.StatusCounts], err error) {
	ctx, v, done := s.viewOf(ctx)
	defer done()
	jobs, _, err := s.jobs.total(ctx, s, v, &v.jobs, "status")
	if err != nil && !errors.Is(err, domain.CodeRecounting) {
		return reading, err
	}
	counts := domain.StatusCounts{}
	for i, status := range countedStatuses {
		counts[status] = jobs.Sums.counts[i]
	}
	others := slices.Sorted(maps.Keys(jobs.Sums.others))
	room := min(len(others), max(0, s.opts.MaxRows-len(countedStatuses)))
	for _, status := range others[:room] {
		counts[status] = jobs.Sums.others[status]
	}
	reading, odd := counted(counts, jobs.CountedAt, "jobs.status", jobs.Sums.oddStatuses)
	reading.Truncated = jobs.Sums.truncated || room < len(others)
	return reading, errors.Join(err, odd)
}

// Retries implements ports.QueueSource.
func (s *Store) Retries(ctx context.Context) (reading ports.Reading[*domain.Retries], err error) {
	ctx, v, done := s.viewOf(ctx)
	defer done()
	jobs, _, err := s.jobs.total(ctx, s, v, &v.jobs, "attempts")
	if err != nil && !errors.Is(err, domain.CodeRecounting) {
		return reading, err
	}
	if jobs.Sums.overflow {
		return reading, fmt.Errorf("sum attempts: beyond 64 bits: %w", domain.CodeInvalidValue)
	}
	var retries *domain.Retries
	if jobs.Sums.attempts || jobs.Sums.oddAttempts == 0 {
		retries = &jobs.Sums.retries
	}
	reading, odd := counted(retries, jobs.CountedAt, "jobs.attempts", jobs.Sums.oddAttempts)
	return reading, errors.Join(err, odd)
}

// counted is a reading of sums, and the error that goes with those over cells that could
// not be read. The envelope shows whole seconds, never later than it was.
func counted[T any](value T, at time.Time, what string, odd ...int64) (reading ports.Reading[T], err error) {
	for _, cells := range odd {
		reading.Anomalies += cells
	}
	if reading.Anomalies > 0 {
		err = fmt.Errorf("sum %s: %d cells cannot be read: %w", what, reading.Anomalies, domain.CodeUnreadableCells)
	}
	reading.Value, reading.CountedAt = value, new(at.UTC().Truncate(time.Second))
	return reading, err
}

// maxOthers is how many statuses beside the known ones are counted. A table with
// more does not use the column for a status.
const maxOthers = 256

// jobSums is what the queue shows of many jobs.
type jobSums struct {
	counts  [len(countedStatuses)]int64
	others  map[string]int64 // by any other status; never changed once it is shared
	retries domain.Retries
	// attempts is set if any cell of attempts could be read.
	attempts bool
	// overflow is set if the retries left the range of an integer.
	overflow bool
	// truncated is set if there were more statuses than are counted.
	truncated bool
	// Cells that are not of their type, and count nowhere.
	oddStatuses, oddAttempts int64
}

// Add implements rollup.Sums.
func (s jobSums) Add(other jobSums) jobSums {
	for i, n := range other.counts {
		s.counts[i] += n
	}
	if len(other.others) > 0 {
		s.others = maps.Clone(s.others)
		if s.others == nil {
			s.others = map[string]int64{}
		}
		for _, status := range slices.Sorted(maps.Keys(other.others)) {
			if _, known := s.others[status]; !known && len(s.others) == maxOthers {
				s.truncated = true
				continue
			}
			s.others[status] += other.others[status]
		}
	}
	s.oddStatuses += other.oddStatuses
	s.oddAttempts += other.oddAttempts
	s.retries.RetriedJobs += other.retries.RetriedJobs
	s.retries.MaxAttemptsSeen = max(s.retries.MaxAttemptsSeen, other.retries.MaxAttemptsSeen)
	s.overflow = !addTo(&s.retries.RetriesTotal, other.retries.RetriesTotal) || s.overflow || other.overflow
	s.attempts = s.attempts || other.attempts
	s.truncated = s.truncated || other.truncated
	return s
}

// Equal implements rollup.Sums.
func (s jobSums) Equal(other jobSums) bool {
	return maps.Equal(s.others, other.others) && s.counts == other.counts && s.retries == other.retries &&
		s.attempts == other.attempts && s.overflow == other.overflow && s.truncated == other.truncated &&
		s.oddStatuses == other.oddStatuses && s.oddAttempts == other.oddAttempts
}

// jobsTable is the table of jobs, of which one pass gives both the statuses and the
// retries.
func jobsTable() summed[jobSums] {
	cells := func(c *columns) string {
		return c.cells(engine.Text, "status") + ", " + c.cells(engine.Integer, "attempts")
	}
	return summed[jobSums]{name: "jobs", alias: "j", plain: plainJobs, group: scanJobs, cells: cells, row: scanJob}
}

func plainJobs(c *columns) (sums, groupBy string) {
	if c.Columns["attempts"] && !(engine.Column{Type: c.Types["attempts"]}).Summable(true) {
		return "", ""
	}
	attempts := c.ref("attempts")
	sum := func(expression string) string {
		return c.cell("attempts", func(column engine.Column) string {
			return c.dialect.Sum(engine.Column{Name: expression, Type: column.Type}, c.alias+".id")
		})
	}
	expressions := []string{
		"count(*) FILTER (WHERE " + attempts + " > 1)", sum("CASE WHEN " + attempts + " > 1 THEN " + attempts + " - 1 END"),
		sum(attempts), "max(" + attempts + ")",
	}
	for _, status := range countedStatuses {
		expressions = append(expressions, "count(*) FILTER (WHERE "+c.cell("status", c.dialect.Exact)+" = '"+status+"')")
	}
	return strings.Join(expressions, ", "), ""
}

// scanJobs takes the sums for all there is to say if each attempt is a whole number, and
// each status has a counter. SQLite's sum is an integer only where all cells are, or
// are texts of one (https://www.sqlite.org/lang_aggfunc.html#sumunc); a text is higher
// than all numbers.
func scanJobs(row *engine.Rows) (sums jobSums, rows int64, plain bool) {
	var retries, sum, highest any
	row.Scan(&sums.retries.RetriedJobs, &retries, &sum, &highest)
	sums.retries.RetriesTotal, _ = engine.Whole(retries)
	_, whole := sum.(int64)
	most, number := highest.(int64)
	sums.retries.MaxAttemptsSeen, sums.attempts = max(0, most), number
	var counted int64
	for i := range sums.counts {
		row.Scan(&sums.counts[i])
		counted += sums.counts[i]
	}
	row.Scan(&rows)
	return sums, rows, (highest == nil || whole && number) && counted == rows
}

func scanJob(row *engine.Rows) (sums jobSums) {
	var status *string
	var attempts *int64
	row.Scan(&status)
	sums.oddStatuses = row.Anomalies()
	row.Scan(&attempts)
	sums.oddAttempts = row.Anomalies()
	if status != nil {
		if i := slices.Index(countedStatuses[:], *status); i >= 0 {
			sums.counts[i] = 1
		} else {
			sums.others = map[string]int64{*status: 1}
		}
	}
	if attempts != nil {
		sums.attempts = true
		if *attempts > 0 {
			sums.retries = domain.Retries{MaxAttemptsSeen: *attempts, RetriesTotal: *attempts - 1, RetriedJobs: min(1, *attempts-1)}
		}
	}
	return sums
}

// addTo adds n to the sum, and tells whether the result fits 64 bits.
func addTo(sum *int64, n int64) bool {
	before := *sum
	*sum += n
	return n == 0 || (n > 0) == (*sum > before)
}
