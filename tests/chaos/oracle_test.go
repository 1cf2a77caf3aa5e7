package chaos

import (
	"database/sql"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// odd tells whether a cell that is not NULL is none of a type, so that its field
// becomes null.
func oddText(c cell) bool { _, ok := c.(string); return c != nil && !ok }

func oddInteger(c cell) bool { _, ok := wholeOf(c); return c != nil && !ok }

func oddNumber(c cell) bool { _, ok := realOf(c); return c != nil && !ok }

// numeral is a number as SQLite takes a text for one.
var numeral = regexp.MustCompile(`^[ \t\n\v\f\r]*([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)[ \t\n\v\f\r]*$`)

// realOf is a cell as a number that JSON can hold, also one that is written as a text.
func realOf(c cell) (float64, bool) {
	switch c := c.(type) {
	case int64:
		return float64(c), true
	case float64:
		return c, !math.IsInf(c, 0) && !math.IsNaN(c)
	case string:
		if found := numeral.FindStringSubmatch(c); found != nil {
			value, err := strconv.ParseFloat(found[1], 64)
			return value, err == nil
		}
	}
	return 0, false
}

// wholeOf is a cell as a whole number, also a text or a real number that is one.
func wholeOf(c cell) (int64, bool) {
	if whole, ok := c.(int64); ok {
		return whole, true
	}
	if text, ok := c.(string); ok {
		if found := numeral.FindStringSubmatch(text); found != nil && !strings.ContainsAny(found[1], ".eE") {
			whole, err := strconv.ParseInt(strings.TrimPrefix(found[1], "+"), 10, 64)
			if err == nil {
				return whole, true
			}
		}
	}
	value, ok := realOf(c)
	return int64(value), ok && value == math.Trunc(value) && math.Abs(value) <= 1<<53
}

// lost is how many of some cells become null.
func lost(odd ...bool) (n int64) {
	for _, is := range odd {
		if is {
			n++
		}
	}
	return n
}

// oracle knows a database's content, and says what an envelope must make of it.
type oracle struct {
	content
	db *sql.DB
}

// dated is a text with a date in it.
var dated = regexp.MustCompile(`^\d{4}-|^[\d.]+$`)

// oddTime asks SQLite which times it understands: the promise is to show those that
// have a date, from 2000 to 2199.
func (o oracle) oddTime(c cell) (odd bool, err error) {
	err = o.db.QueryRow("SELECT ?1 IS NOT NULL AND coalesce(CAST(strftime('%s', ?1) AS INTEGER) NOT BETWEEN 946684800 AND 7258118399, 1)", c).Scan(&odd)
	text, isText := c.(string)
	return odd || isText && !dated.MatchString(text), err
}

// tasks returns how many tasks are listed, and their anomalies.
func (o oracle) activeTasks() (rows, anomalies int64, err error) {
	for _, row := range o.tasks.rows {
		if row["stage"] == "done" || row["stage"] == "cancelled" {
			continue
		}
		oddTime, err := o.oddTime(row["updated_at"])
		if err != nil {
			return 0, 0, err
		}
		rows++
		anomalies += lost(row["id"] == nil || oddInteger(row["id"]), oddText(row["work_item_id"]), row["stage"] == nil || oddText(row["stage"]),
			oddText(row["repo"]), oddTime)
	}
	return rows, anomalies, nil
}

// runningJobs returns how many jobs are listed, and their anomalies, which are
// those of agents. SQLite says which run is whose: it compares as it will.
func (o oracle) runningJobs() (rows, anomalies int64, err error) {
	pairs, err := o.db.Query("SELECT j.ordinal, r.ordinal FROM jobs j LEFT JOIN agent_runs r ON r.id = j.run_id WHERE j.status = 'running'")
	if err != nil {
		return 0, 0, err
	}
	defer pairs.Close()
	type pair struct{ job, run sql.NullInt64 }
	var found []pair
	for pairs.Next() {
		var p pair
		if err := pairs.Scan(&p.job, &p.run); err != nil {
			return 0, 0, err
		}
		found = append(found, p)
	}
	if err := pairs.Err(); err != nil {
		return 0, 0, err
	}
	for _, p := range found {
		job := o.jobs.rows[p.job.Int64]
		oddTime, err := o.oddTime(job["started_at"])
		if err != nil {
			return 0, 0, err
		}
		rows++
		anomalies += lost(job["id"] == nil || oddInteger(job["id"]), oddInteger(job["run_id"]), oddText(job["agent"]), oddText(job["repo"]),
			oddInteger(job["pid"]), oddTime)
		if p.run.Valid {
			run := o.runs.rows[p.run.Int64]
			anomalies += lost(oddText(run["model"]), oddText(run["effort"])) + oddFigures(run)
		}
	}
	return rows, anomalies, nil
}

func oddFigures(run map[string]cell) int64 {
	n := lost(oddNumber(run["cost_usd"]))
	for _, column := range runColumns[5:] {
		n += lost(oddInteger(run[column]))
	}
	return n
}

// oddRuns are the anomalies of the sum over all runs.
func (o oracle) oddRuns() (n int64) {
	for _, run := range o.runs.rows {
		n += oddFigures(run)
	}
	return n
}

// oddStatuses and oddAttempts are the anomalies of the queue.
func (o oracle) oddStatuses() (n int64) {
	for _, job := range o.jobs.rows {
		n += lost(oddText(job["status"]))
	}
	return n
}

func (o oracle) oddAttempts() (n int64) {
	for _, job := range o.jobs.rows {
		n += lost(oddInteger(job["attempts"]))
	}
	return n
}

// statuses counts the jobs by their status, as text that JSON can hold.
func (o oracle) statuses() map[string]int64 {
	counts := map[string]int64{"queued": 0, "running": 0, "done": 0, "failed": 0, "cancelled": 0}
	for _, job := range o.jobs.rows {
		if status, ok := job["status"].(string); ok {
			counts[shown(status)]++
		}
	}
	return counts
}

// shown is a text as the contract says it is shown; of a long one with a NUL only
// what is before that.
func shown(text string) string {
	if len(text) > 4096 {
		text, _, _ = strings.Cut(text, "\x00")
	}
	text = strings.ToValidUTF8(text, "\ufffd")
	for len(text) > 4096 {
		runes := []rune(text)
		text = string(runes[:len(runes)-1])
	}
	return text
}

// retries sums the attempts; it is not true if a sum leaves 64 bits.
func (o oracle) retries() (retried, total, most int64, fits bool) {
	sum := new(big.Int)
	for _, job := range o.jobs.rows {
		if attempts, ok := wholeOf(job["attempts"]); ok && attempts > 0 {
			sum.Add(sum, big.NewInt(attempts-1))
			most = max(most, attempts)
			if attempts > 1 {
				retried++
			}
		}
	}
	return retried, sum.Int64(), most, sum.IsInt64()
}

// tokens sums a column; fits is true only if no order of adding up leaves 64 bits.
func (o oracle) tokens(column string) (total int64, fits bool) {
	above, below := new(big.Int), new(big.Int)
	for _, run := range o.runs.rows {
		if n, ok := wholeOf(run[column]); ok && n >= 0 {
			above.Add(above, big.NewInt(n))
		} else if ok {
			below.Add(below, big.NewInt(n))
		}
	}
	fits = above.IsInt64() && below.IsInt64()
	return above.Add(above, below).Int64(), fits
}

// cost sums what runs cost, and how large the summands are; if those add up to
// infinity, so may the sum, in some order.
func (o oracle) cost() (total, size float64) {
	for _, run := range o.runs.rows {
		if cost, ok := realOf(run["cost_usd"]); ok {
			total += cost
			size += math.Abs(cost)
		}
	}
	return total, size
}

// unknown tells whether some cells of a column are there, and none can be read: then
// there is no sum of them.
func unknown(rows []map[string]cell, column string, odd func(cell) bool) bool {
	there := 0
	for _, row := range rows {
		if row[column] == nil {
			continue
		}
		if !odd(row[column]) {
			return false
		}
		there++
	}
	return there > 0
}

// verdict is how a section's reading went whose sums met so many cells that could not
// be read.
func verdict(unreadable int64) (status string, code any) {
	if unreadable > 0 {
		return "degraded", "unreadable_cells"
	}
	return "ok", nil
}
