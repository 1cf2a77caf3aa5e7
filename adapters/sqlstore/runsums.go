package sqlstore

import (
	"fmt"
	"math"
)

// runSums is what the cost section shows of many runs.
type runSums struct {
	runs   int64
	cost   float64
	tokens [len(tokenColumns)]int64
	// overflow is set if a sum left the range of its type.
	overflow bool
	// odd is the number of cells that are not of their type, and count nowhere.
	odd int64
}

// tokenColumns are the columns of tokens, in the order of domain.CostTotals.
var tokenColumns = [...]string{"input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens"}

// runsTable is the table of agent runs.
type runsTable struct{}

var _ table[runSums] = runsTable{}

func (runsTable) name() string { return "agent_runs" }

func (runsTable) alias() string { return "r" }

// active are the runs of running jobs.
func (runsTable) active(ses *session) (string, error) {
	if _, err := ses.columns("jobs", "j", "status", "run_id"); err != nil {
		return noIDs, unlessDrift(err) // without jobs none is running; their own section says what is missing
	}
	from, status, err := ses.by("jobs", "j", "status")
	return "SELECT j.run_id AS id, 1 AS active FROM " + from + " WHERE " + status + " = 'running'", err
}

// unsettled is a run without an end or without a report.
func (runsTable) unsettled(ses *session) string {
	runs, err := ses.columns("agent_runs", "r")
	if err != nil {
		return never
	}
	return openRun(runs)
}

// openRun goes by those of the columns that there are.
func openRun(runs *columns) string {
	open := "(0"
	for _, name := range []string{"finished_at", "cost_usd"} {
		if runs.has(name) {
			open += " OR " + runs.ref(name) + " IS NULL"
		}
	}
	return open + ")"
}

func (runsTable) merge(sums *runSums, other runSums, sign int64) {
	sums.runs += sign * other.runs
	sums.cost += float64(sign) * other.cost
	sums.odd += sign * other.odd
	sums.overflow = sums.overflow || other.overflow
	for i, n := range other.tokens {
		sums.overflow = !addTo(&sums.tokens[i], n, sign) || sums.overflow
	}
}

func (runsTable) bulky(runSums) bool { return false }

func (runsTable) cells(ses *session) ([]string, error) {
	runs, err := ses.columns("agent_runs", "r")
	if err != nil {
		return nil, err
	}
	cells := []string{runs.realOf("cost_usd")}
	for _, name := range tokenColumns {
		cells = append(cells, runs.integerOf(name))
	}
	return cells, nil
}

func (runsTable) one(row *cells) runSums {
	sums := runSums{runs: 1}
	if cost := row.real(); cost != nil {
		sums.cost = *cost
	}
	for i := range sums.tokens {
		if tokens := row.integer(); tokens != nil {
			sums.tokens[i] = *tokens
		}
	}
	sums.odd = row.takeAnomalies()
	return sums
}

// plain is one pass over the runs.
func (t runsTable) plain(ses *session, where string) (string, error) {
	from, err := t.from(ses, where)
	query := "SELECT max(id), count(*), sum(open), total(cost), min(cost), max(cost)"
	for i := range tokenColumns {
		query += fmt.Sprintf(", sum(t%[1]d), max(t%[1]d)", i)
	}
	return query + from, err
}

func (runsTable) from(ses *session, where string) (string, error) {
	runs, err := ses.columns("agent_runs", "r")
	if err != nil {
		return "", err
	}
	cost := runs.ref("cost_usd")
	list := fmt.Sprintf("%s AS id, %s AS cost, %s AS open", runs.ref("id"), cost, openRun(runs))
	for i, name := range tokenColumns {
		list += fmt.Sprintf(", %s AS t%d", runs.ref(name), i)
	}
	return fmt.Sprintf(" FROM (SELECT %s FROM agent_runs r WHERE %s)", list, where), nil
}

// scan takes the sums for all there is to say if the lowest and the highest cost
// are finite numbers, since SQLite orders values of other types around those, and
// if a sum of tokens and the highest of them are integers: a single real number
// makes the sum a float, and a text, though SQLite adds it up if it looks like an
// integer, is higher than all numbers.
func (runsTable) scan(row *cells) (b block[runSums], plain bool) {
	b.last, b.rows, b.unsettled = row.orZero(), row.orZero(), row.orZero()
	b.sums.runs = b.rows
	b.sums.cost, plain = row.take().(float64)
	for range 2 { // the lowest and the highest
		switch cost := row.take().(type) {
		case nil, int64:
		case float64:
			plain = plain && !math.IsInf(cost, 0)
		default:
			plain = false
		}
	}
	plain = plain && !math.IsInf(b.sums.cost, 0)
	for i := range b.sums.tokens {
		sum, highest := row.take(), row.take()
		_, whole := highest.(int64)
		if tokens, ok := sum.(int64); ok && whole {
			b.sums.tokens[i] = tokens
		} else {
			plain = plain && highest == nil
		}
	}
	return b, plain
}

// odd sums rows among which any cell may be of any type.
func (t runsTable) odd(ses *session, where string, args ...any) (sums runSums, err error) {
	from, err := t.from(ses, where)
	if err != nil {
		return sums, err
	}
	query := fmt.Sprintf("SELECT count(*), total(CASE WHEN %s THEN cost END)", finite("cost"))
	odd := fmt.Sprintf("sum((cost IS NOT NULL AND NOT %s)", finite("cost"))
	for i := range tokenColumns {
		name := fmt.Sprintf("t%d", i)
		query += fmt.Sprintf(", sum(CASE WHEN typeof(%[1]s) = 'integer' THEN %[1]s END)", name)
		odd += " + " + notOneOf(name, "integer")
	}
	err = ses.query(func(row *cells) {
		sums.runs = row.orZero()
		sums.cost, _ = row.take().(float64)
		sums.overflow = math.IsInf(sums.cost, 0)
		for i := range sums.tokens {
			sums.tokens[i] = row.orZero()
		}
		sums.odd = row.orZero()
	}, query+", "+odd+")"+from, args...)
	if isOverflow(err) {
		return runSums{overflow: true}, nil
	}
	return sums, err
}
