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

// CostTotals implements ports.CostSource. The sum of a missing column is nil. The total
// cost is the sum of what is told by model, in that order, so that who adds it up comes
// to the same.
func (s *Store) CostTotals(ctx context.Context) (reading ports.Reading[*domain.RunCosts], err error) {
	total, known, err := total(ctx, s, s.runs, func(v *scrape) *shared[runSums] { return &v.runs })
	if err != nil && !errors.Is(err, domain.CodeRecounting) {
		return reading, err
	}
	runs := &columns{Table: known.Table, name: known.name, alias: known.alias}
	all := total.Sums.all()
	byModel, fits := domain.RankModels(s.models.costs(runs, total.Sums))
	if !fits || all.overflow || math.IsInf(all.cost, 0) {
		return reading, fmt.Errorf("sum runs: beyond 64 bits: %w", domain.CodeInvalidValue)
	}
	all.cost = 0
	for _, m := range byModel {
		if m.CostUSD != nil {
			all.cost += *m.CostUSD
		}
	}
	value := &domain.RunCosts{CostTotals: all.totals(runs)}
	var tooMany error
	switch {
	case len(total.Sums) > 0 && total.Sums[0].model == beyond:
		tooMany = fmt.Errorf("sum runs: more than %d models: %w", maxModels, domain.CodeTooMany)
	case runs.ref("model") != "NULL":
		value.ByModel = byModel
	}
	odd := all.unreadable()
	reading.Value, reading.Anomalies, reading.CountedAt = value, odd, wholeSeconds(total.CountedAt)
	return reading, errors.Join(err, runs.drift(), unreadable("agent_runs", odd), tooMany)
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

// runsTable is the table of agent runs.
type runsTable struct{ models *models }

var _ table[runSums] = runsTable{}

func (runsTable) name() string { return "agent_runs" }

func (runsTable) alias() string { return "r" }

func (runsTable) marks(a active) []rollup.Mark { return a.runs }

// plain is one pass over the runs, with a row for each model, in an order that is always
// the same: sums of floating-point numbers depend on it.
func (runsTable) plain(c *columns) (sums []string, groupBy string) {
	if !c.summable("cost_usd", false) {
		return nil, ""
	}
	model := c.key("model")
	if model != "NULL" {
		groupBy = " GROUP BY " + model + " ORDER BY " + model
	}
	sums = []string{model, c.sum("cost_usd"), c.highest("cost_usd")}
	for _, name := range tokenColumns {
		if !c.summable(name, true) {
			return nil, ""
		}
		sums = append(sums, c.sum(name))
	}
	return sums, groupBy
}

// scan takes the sums for all there is to say if they are finite, if the highest cost
// is a number, since a text is higher than all of them, and if the sums of tokens are
// integers: SQLite's sum is one only where all cells are, or are texts of one
// (https://www.sqlite.org/lang_aggfunc.html#sumunc).
func (t runsTable) scan(row *engine.Rows) (sums runSums, rows int64, plain bool) {
	m := modelSums{model: t.models.number(row.Text())}
	row.Anomalies() // what is no text is no model, and nothing that is summed
	plain = true
	cost, highest := row.Value(), row.Value()
	switch cost := cost.(type) {
	case nil:
	case int64:
		m.cost, m.read[0] = float64(cost), true
	case float64:
		m.cost, m.read[0] = cost, true
		plain = plain && !math.IsInf(cost, 0) && !math.IsNaN(cost)
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
	for i := range m.tokens {
		switch tokens := row.Value().(type) {
		case nil:
		case int64:
			m.tokens[i], m.read[i+1] = tokens, true
		default:
			plain = false
		}
	}
	m.runs = row.Count()
	return runSums{m}, m.runs, plain && (highest == nil) == (cost == nil)
}

func (runsTable) cells(c *columns) []string {
	cells := []string{c.text("model"), c.real("cost_usd")}
	for _, name := range tokenColumns {
		cells = append(cells, c.integer(name))
	}
	return cells
}

func (t runsTable) one(row *engine.Rows) runSums {
	m := modelSums{model: t.models.number(row.Text()), runs: 1}
	row.Anomalies()
	if cost := row.Real(); cost != nil {
		m.cost, m.read[0] = *cost, true
	}
	m.odd[0] = row.Anomalies()
	for i := range m.tokens {
		if tokens := row.Integer(); tokens != nil {
			m.tokens[i], m.read[i+1] = *tokens, true
		}
		m.odd[i+1] = row.Anomalies()
	}
	return runSums{m}
}
