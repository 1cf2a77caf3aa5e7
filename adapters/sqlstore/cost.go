package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/internal/rollup"
	"github.com/orchmetrics/orchmetrics/ports"
)

// CostTotals implements ports.CostSource. The sum of a missing column is nil.
func (s *Store) CostTotals(ctx context.Context) (reading ports.Reading[*domain.CostTotals], err error) {
	total, known, err := total(ctx, s, s.runs, func(v *scrape) *shared[runSums] { return &v.runs })
	if err != nil && !errors.Is(err, domain.CodeRecounting) {
		return reading, err
	}
	if total.Sums.overflow || math.IsInf(total.Sums.cost, 0) {
		return reading, fmt.Errorf("sum runs: beyond 64 bits: %w", domain.CodeInvalidValue)
	}
	runs := &columns{Table: known.Table, name: known.name, alias: known.alias}
	value := &domain.CostTotals{Runs: total.Sums.runs}
	odd := total.Sums.oddCost
	if shown(runs, "cost_usd", total.Sums.costs, odd) {
		value.CostUSD = &total.Sums.cost
	}
	for i, field := range []**int64{&value.InputTokens, &value.OutputTokens, &value.CacheReadTokens, &value.CacheCreationTokens} {
		if shown(runs, tokenColumns[i], total.Sums.read[i], total.Sums.odd[i]) {
			*field = &total.Sums.tokens[i]
		}
		odd += total.Sums.odd[i]
	}
	reading.Value, reading.Anomalies, reading.CountedAt = value, odd, wholeSeconds(total.CountedAt)
	return reading, errors.Join(err, runs.drift(), unreadable("agent_runs", odd))
}

// shown tells whether a sum is shown: not that of a column that is missing, nor one
// of cells of which none could be read.
func shown(c *columns, name string, read bool, odd int64) bool {
	return c.ref(name) != "NULL" && (read || odd == 0)
}

// unreadable is the error that goes with sums over cells that could not be read.
func unreadable(what string, cells int64) error {
	if cells == 0 {
		return nil
	}
	return fmt.Errorf("sum %s: %d cells cannot be read: %w", what, cells, domain.CodeUnreadableCells)
}

// wholeSeconds is a time as the envelope shows it, never later.
func wholeSeconds(at time.Time) *time.Time { return new(at.UTC().Truncate(time.Second)) }

// runSums is what the cost section shows of many runs.
type runSums struct {
	runs   int64
	cost   float64
	tokens [len(tokenColumns)]int64
	// costs and read are set where any cell of the column could be read, and odd
	// counts those that are not of their type, and count nowhere.
	costs   bool
	read    [len(tokenColumns)]bool
	oddCost int64
	odd     [len(tokenColumns)]int64
	// overflow is set if a sum left the range of its type.
	overflow bool
}

// Add implements rollup.Sums.
func (s runSums) Add(other runSums) runSums {
	s.runs += other.runs
	s.cost += other.cost
	s.costs = s.costs || other.costs
	s.oddCost += other.oddCost
	s.overflow = s.overflow || other.overflow
	for i, n := range other.tokens {
		s.overflow = !addTo(&s.tokens[i], n) || s.overflow
		s.read[i] = s.read[i] || other.read[i]
		s.odd[i] += other.odd[i]
	}
	return s
}

// Equal implements rollup.Sums.
func (s runSums) Equal(other runSums) bool { return s == other }

// runsTable is the table of agent runs.
type runsTable struct{}

var _ table[runSums] = runsTable{}

func (runsTable) name() string { return "agent_runs" }

func (runsTable) alias() string { return "r" }

func (runsTable) marks(a active) []rollup.Mark { return a.runs }

// plain is one pass over the runs.
func (runsTable) plain(c *columns) []string {
	cost := c.ref("cost_usd")
	sums := []string{"sum(" + cost + ")", "max(" + cost + ")"}
	for _, name := range tokenColumns {
		sums = append(sums, "sum("+c.ref(name)+")")
	}
	return sums
}

// scan takes the sums for all there is to say if they are finite, if the highest cost
// is a number, since a text is higher than all of them, and if the sums of tokens are
// integers: SQLite's sum is one only where all cells are, or are texts of one
// (https://www.sqlite.org/lang_aggfunc.html#sumunc).
func (runsTable) scan(row *engine.Rows) (sums runSums, rows int64, plain bool) {
	cost, highest := row.Value(), row.Value()
	plain = true
	switch cost := cost.(type) {
	case nil:
	case int64:
		sums.cost, sums.costs = float64(cost), true
	case float64:
		sums.cost, sums.costs = cost, true
		plain = !math.IsInf(cost, 0) && !math.IsNaN(cost)
	default:
		plain = false
	}
	switch highest := highest.(type) {
	case nil:
		plain = plain && cost == nil // a sum of infinities of both signs is none
	case int64:
	case float64:
		plain = plain && !math.IsInf(highest, 0)
	default:
		plain = false
	}
	for i := range sums.tokens {
		switch tokens := row.Value().(type) {
		case nil:
		case int64:
			sums.tokens[i], sums.read[i] = tokens, true
		default:
			plain = false
		}
	}
	sums.runs = row.Count()
	return sums, sums.runs, plain && (highest == nil) == (cost == nil)
}

func (runsTable) cells(c *columns) []string {
	cells := []string{c.real("cost_usd")}
	for _, name := range tokenColumns {
		cells = append(cells, c.integer(name))
	}
	return cells
}

func (runsTable) one(row *engine.Rows) runSums {
	sums := runSums{runs: 1}
	if cost := row.Real(); cost != nil {
		sums.cost, sums.costs = *cost, true
	}
	sums.oddCost = row.Anomalies()
	for i := range sums.tokens {
		if tokens := row.Integer(); tokens != nil {
			sums.tokens[i], sums.read[i] = *tokens, true
		}
		sums.odd[i] = row.Anomalies()
	}
	return sums
}
