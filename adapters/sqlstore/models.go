package sqlstore

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/orchmetrics/orchmetrics/domain"
)

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
