package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

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
	shown := model
	if c.Columns["model"] {
		groupBy = " GROUP BY " + model + " ORDER BY " + model
		if c.Types["model"] != engine.Dynamic { // a text of that type need not be short
			shown = c.dialect.Cell(engine.Column{Name: model, Type: engine.Text}, engine.Text, true)
		}
	}
	odd := "0"
	if c.Columns["cost_usd"] && c.Types["cost_usd"] == engine.Dynamic {
		odd = "count(*) FILTER (WHERE " + c.ref("cost_usd") + " >= '')" // texts and blobs, which are higher than all numbers
	}
	expressions := []string{shown, odd, "count(" + c.ref("cost_usd") + ")"}
	for i, name := range slices.Concat([]string{"cost_usd"}, tokenColumns[:]) {
		if c.Columns[name] && !(engine.Column{Type: c.Types[name]}).Summable(i > 0) {
			return "", ""
		}
		expressions = append(expressions, c.cell(name, func(column engine.Column) string { return c.dialect.Sum(column, c.alias+".id") }))
	}
	return strings.Join(expressions, ", "), groupBy
}

// scanGroup takes the sums for all there is to say if they are finite, if each cost is a
// number, and if the sums of tokens are integers: SQLite's sum is one only where all cells
// are, or are texts of one (https://www.sqlite.org/lang_aggfunc.html#sumunc).
func (m *models) scanGroup(row *engine.Rows) (sums runSums, rows int64, plain bool) {
	var model *string
	var odd, cells int64
	var cost *float64
	row.Scan(&model)
	row.Anomalies() // what is no text is no model, and nothing that is summed
	row.Scan(&odd, &cells, &cost)
	plain = odd == 0 && row.Anomalies() == 0 && (cost != nil || cells == 0)
	s := modelSums{model: m.of(model)}
	if s.read[0] = cost != nil; cost != nil {
		s.cost = *cost
	}
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

// maxModels is how many models are told apart. What has more does not use the column for
// a model.
const maxModels = 1024

// modelKey is what runs are summed by.
type modelKey struct {
	kind kind
	name string
}

type kind int8

const (
	unknown kind = iota
	named
	beyond // maxModels
)

func (m modelKey) compare(other modelKey) int {
	return cmp.Or(cmp.Compare(m.kind, other.kind), strings.Compare(m.name, other.name))
}

// models are the names that sums have, each of which is there once however many blocks
// have it.
type models struct {
	mu    sync.Mutex
	names map[string]string
}

func (m *models) of(name *string) modelKey {
	if name == nil {
		return modelKey{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	kept, known := m.names[*name]
	switch {
	case known:
	case len(m.names) == maxModels:
		return modelKey{kind: beyond}
	default:
		if m.names == nil {
			m.names = map[string]string{}
		}
		kept = strings.Clone(*name)
		m.names[kept] = kept
	}
	return modelKey{named, kept}
}

// forget makes room, once there is none, by the names that the sums over all runs do not
// have: then what was beyond is told apart as soon as it is read again.
func (m *models) forget(sums runSums) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.names) < maxModels {
		return
	}
	clear(m.names)
	for _, s := range sums {
		if s.model.kind == named {
			m.names[s.model.name] = s.model.name
		}
	}
}

// runSums is what the cost section shows of many runs, by model.
type runSums []modelSums

// modelSums is the same of the runs of one model.
type modelSums struct {
	model  modelKey
	runs   int64
	cost   float64
	tokens [len(tokenColumns)]int64
	// read is set where any cell of the cost, or of the tokens, could be read, and odd
	// counts those that are not of their type, and count nowhere.
	read [1 + len(tokenColumns)]bool
	odd  [1 + len(tokenColumns)]int64
	// overflow is set if a sum left the range of its type.
	overflow bool
}

// Add implements rollup.Sums.
func (s runSums) Add(other runSums) runSums {
	if s == nil {
		return slices.Clone(other)
	}
	for i := range other {
		m, at := &other[i], i
		if at >= len(s) || s[at].model != m.model { // most blocks have the same models
			var found bool
			at, found = slices.BinarySearchFunc(s, m.model, func(own modelSums, key modelKey) int { return own.model.compare(key) })
			if !found {
				s = slices.Insert(s, at, modelSums{model: m.model})
			}
		}
		s[at].add(m)
	}
	return s
}

// Equal implements rollup.Sums.
func (s runSums) Equal(other runSums) bool { return slices.Equal(s, other) }

func (m *modelSums) add(other *modelSums) {
	m.runs += other.runs
	m.cost += other.cost
	m.overflow = m.overflow || other.overflow
	for i, n := range other.tokens {
		m.overflow = !addTo(&m.tokens[i], n) || m.overflow
	}
	for i := range m.odd {
		m.read[i] = m.read[i] || other.read[i]
		m.odd[i] += other.odd[i]
	}
}

// totals are what is shown: not the sum of a column that is missing, nor one of cells of
// which none could be read.
func (m *modelSums) totals(l *layout) domain.CostTotals {
	shown := func(i int, name string) bool { return l.Columns[name] && (m.read[i] || m.odd[i] == 0) }
	totals := domain.CostTotals{Runs: m.runs}
	if shown(0, "cost_usd") {
		totals.CostUSD = new(m.cost)
	}
	for i, field := range []**int64{&totals.InputTokens, &totals.OutputTokens, &totals.CacheReadTokens, &totals.CacheCreationTokens} {
		if shown(i+1, tokenColumns[i]) {
			*field = new(m.tokens[i])
		}
	}
	return totals
}
