package sqlstore

import (
	"cmp"
	"slices"
	"sync"

	"github.com/orchmetrics/orchmetrics/domain"
)

// maxModels is how many models are told apart, since the service began. A table with
// more does not use the column for a model.
const maxModels = 1024

// The numbers of what is no model of its own.
const (
	beyond  int32 = -1 // maxModels
	unknown int32 = 0
)

// models numbers the models, so that the sums of a block need not hold their names.
type models struct {
	mu      sync.Mutex
	numbers map[string]int32
	names   []*string // from number 1 on
}

func (m *models) number(name *string) int32 {
	if name == nil {
		return unknown
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	number, known := m.numbers[*name]
	if known {
		return number
	}
	if len(m.names) == maxModels {
		return beyond
	}
	if m.numbers == nil {
		m.numbers = map[string]int32{}
	}
	m.names = append(m.names, new(*name))
	m.numbers[*name] = int32(len(m.names)) //nolint:gosec // at most maxModels
	return m.numbers[*name]
}

// costs are what is shown of the sums of each model.
func (m *models) costs(c *columns, sums runSums) []domain.ModelCost {
	m.mu.Lock()
	defer m.mu.Unlock()
	costs := make([]domain.ModelCost, len(sums))
	for i, s := range sums {
		costs[i].CostTotals = s.totals(c)
		if s.model > unknown {
			costs[i].Model = m.names[s.model-1]
		}
	}
	return costs
}

// runSums is what the cost section shows of many runs, by the number of their model
// ascending.
type runSums []modelSums

// modelSums is the same of the runs of one model.
type modelSums struct {
	model  int32
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
	for _, m := range other {
		at, found := slices.BinarySearchFunc(s, m.model, func(own modelSums, model int32) int { return cmp.Compare(own.model, model) })
		if !found {
			s = slices.Insert(s, at, modelSums{model: m.model})
		}
		s[at].add(&m)
	}
	return s
}

// Equal implements rollup.Sums.
func (s runSums) Equal(other runSums) bool { return slices.Equal(s, other) }

// all are the sums over the runs of all models.
func (s runSums) all() (all modelSums) {
	for _, m := range s {
		all.add(&m)
	}
	return all
}

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
func (m *modelSums) totals(c *columns) domain.CostTotals {
	shown := func(i int, name string) bool { return c.Columns[name] && (m.read[i] || m.odd[i] == 0) }
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

// unreadable is how many cells could not be read.
func (m *modelSums) unreadable() (cells int64) {
	for _, odd := range m.odd {
		cells += odd
	}
	return cells
}
