package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/ports"
)

// CostTotals implements ports.CostSource. The sum of a missing column is nil. The total
// cost is the sum of what is told by model, in that order, so that who adds it up comes
// to the same.
func (s *Store) CostTotals(ctx context.Context) (reading ports.Reading[*domain.RunCosts], err error) {
	ctx, v, done := s.viewOf(ctx)
	defer done()
	total, layout, err := s.runs.total(ctx, s, v, &v.runs)
	if err != nil && !errors.Is(err, domain.CodeRecounting) {
		return reading, err
	}
	var all modelSums
	models := make([]domain.ModelCost, len(total.Sums))
	for i := range total.Sums {
		m := &total.Sums[i]
		all.add(m)
		models[i].CostTotals = m.totals(layout)
		if m.model.kind == named {
			models[i].Model = &m.model.name
		}
	}
	models, fits := domain.RankModels(models)
	if !fits || all.overflow || math.IsInf(all.cost, 0) {
		return reading, fmt.Errorf("sum runs: beyond 64 bits: %w", domain.CodeInvalidValue)
	}
	all.cost = 0
	for _, m := range models {
		if m.CostUSD != nil {
			all.cost += *m.CostUSD
		}
	}
	costs := &domain.RunCosts{CostTotals: all.totals(layout)}
	var tooMany error
	switch last := len(total.Sums) - 1; {
	case last >= 0 && total.Sums[last].model.kind == beyond:
		s.models.forget(total.Sums)
		tooMany = fmt.Errorf("sum runs: more than %d models: %w", maxModels, domain.CodeTooMany)
	case layout.Columns["model"]:
		costs.ByModel = models
	}
	reading, odd := counted(costs, total.CountedAt, "agent_runs", all.odd[:]...)
	return reading, errors.Join(err, layout.drift, odd, tooMany)
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

// runsTable is the table of agent runs.
func runsTable(m *models) summed[runSums] {
	return summed[runSums]{name: "agent_runs", alias: "r", plain: plainRuns, group: m.scanGroup, cells: runCells, row: m.scanRow}
}

func runCells(c *columns) string {
	return c.cells(engine.Text, "model") + ", " + c.cells(engine.Real, "cost_usd") + ", " + c.cells(engine.Integer, tokenColumns[:]...)
}

// plainRuns is one pass over the runs, with a row for each model, in an order that is
// always the same: sums of floating-point numbers depend on it.
func plainRuns(c *columns) (sums, groupBy string) {
	model := c.cell("model", c.dialect.Exact)
	if c.Types["model"] != engine.Dynamic { // a text of that type need not be short
		model = c.cells(engine.Text, "model")
	}
	if model != "NULL" {
		groupBy = " GROUP BY " + model + " ORDER BY " + model
	}
	expressions := []string{model, c.cell("cost_usd", c.dialect.Max)}
	for i, name := range slices.Concat([]string{"cost_usd"}, tokenColumns[:]) {
		if c.Columns[name] && !(engine.Column{Type: c.Types[name]}).Summable(i > 0) {
			return "", ""
		}
		expressions = append(expressions, c.cell(name, func(column engine.Column) string { return c.dialect.Sum(column, c.alias+".id") }))
	}
	return strings.Join(expressions, ", "), groupBy
}

// scanGroup takes the sums for all there is to say if they are finite, if the highest cost
// is a number, since a text is higher than all of them, and if the sums of tokens are
// integers: SQLite's sum is one only where all cells are, or are texts of one
// (https://www.sqlite.org/lang_aggfunc.html#sumunc).
func (m *models) scanGroup(row *engine.Rows) (sums runSums, rows int64, plain bool) {
	var model *string
	var cost, highest any
	row.Scan(&model, &highest, &cost)
	row.Anomalies() // what is no text is no model, and nothing that is summed
	s := modelSums{model: m.of(model)}
	number := func(cell any) (n float64, finite bool) {
		switch cell := cell.(type) {
		case int64:
			return float64(cell), true
		case float64:
			return cell, !math.IsInf(cell, 0) && !math.IsNaN(cell)
		}
		return 0, false
	}
	s.cost, s.read[0] = number(cost)
	_, plain = number(highest)
	plain = plain && s.read[0] || cost == nil && highest == nil // a sum of infinities of both signs is none
	for i := range s.tokens {
		var tokens any
		row.Scan(&tokens)
		s.tokens[i], s.read[i+1] = tokens.(int64)
		plain = plain && (s.read[i+1] || tokens == nil)
	}
	row.Scan(&s.runs)
	return runSums{s}, s.runs, plain
}

func (m *models) scanRow(row *engine.Rows) runSums {
	var model *string
	var cost *float64
	row.Scan(&model)
	row.Anomalies()
	s := modelSums{model: m.of(model), runs: 1}
	if row.Scan(&cost); cost != nil {
		s.cost, s.read[0] = *cost, true
	}
	s.odd[0] = row.Anomalies()
	for i := range s.tokens {
		var tokens *int64
		if row.Scan(&tokens); tokens != nil {
			s.tokens[i], s.read[i+1] = *tokens, true
		}
		s.odd[i+1] = row.Anomalies()
	}
	return runSums{s}
}
