package domain

import (
	"cmp"
	"math"
	"slices"
)

// MaxModels is how many models have an entry of their own in Cost.ByModel.
const MaxModels = 64

// ModelCost sums the runs of one model, as CostTotals does for all.
type ModelCost struct {
	// Model is null for runs whose model is unknown, and where Models is set.
	Model *string `json:"model"`
	// Models is set for the entry that sums the models which have none of their own:
	// how many they are.
	Models *int64 `json:"models,omitempty"`
	CostTotals
}

// RunCosts is what all runs have cost as their source knows it.
type RunCosts struct {
	CostTotals

	// ByModel is as in Cost; nil if it is unknown.
	ByModel []ModelCost
}

// RankModels makes Cost.ByModel of an entry for each model, and one without a name for
// runs whose model is unknown. Entries of one name are added up: names that differ in a
// database may have become the same one, where they are no text or longer than is read.
// It is false if a sum is beyond 64 bits.
func RankModels(models []ModelCost) (ranked []ModelCost, fits bool) {
	ranked, fits = []ModelCost{}, true
	byName := func(a, b ModelCost) int { return compareNames(a.Model, b.Model) }
	each := make([]ModelCost, 0, len(models))
	for _, m := range slices.SortedStableFunc(slices.Values(models), byName) {
		if last := len(each) - 1; last >= 0 && byName(each[last], m) == 0 {
			fits = each[last].add(m.CostTotals) && fits
		} else {
			each = append(each, m)
		}
	}

	slices.SortFunc(each, func(a, b ModelCost) int { return cmp.Or(cmp.Compare(b.Runs, a.Runs), byName(a, b)) })
	rest, named := ModelCost{Models: new(int64(0))}, 0
	for _, m := range each {
		if m.Model != nil {
			named++
		}
		if m.Model == nil || named <= MaxModels {
			ranked = append(ranked, m)
			continue
		}
		*rest.Models++
		fits = rest.add(m.CostTotals) && fits
	}

	slices.SortFunc(ranked, func(a, b ModelCost) int { return cmp.Or(cmp.Compare(b.rank(), a.rank()), byName(a, b)) })
	if *rest.Models > 0 {
		ranked = append(ranked, rest)
	}
	return ranked, fits
}

// rank is the cost; what is unknown comes last.
func (m ModelCost) rank() float64 {
	if m.CostUSD == nil {
		return math.Inf(-1)
	}
	return *m.CostUSD
}

// compareNames puts nil last.
func compareNames(a, b *string) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	default:
		return cmp.Compare(*a, *b)
	}
}

// add adds the figures of other runs; one that is unknown counts as 0 where the other
// is not. It is false if a sum leaves the range of its type.
func (c *CostTotals) add(other CostTotals) (fits bool) {
	c.Runs += other.Runs
	fits = c.Runs >= other.Runs // no number of runs is below 0
	if other.CostUSD != nil {
		sum := *other.CostUSD
		if c.CostUSD != nil {
			sum += *c.CostUSD
		}
		c.CostUSD, fits = &sum, fits && !math.IsInf(sum, 0)
	}
	own := [...]**int64{&c.InputTokens, &c.OutputTokens, &c.CacheReadTokens, &c.CacheCreationTokens}
	for i, added := range [...]*int64{other.InputTokens, other.OutputTokens, other.CacheReadTokens, other.CacheCreationTokens} {
		if added == nil {
			continue
		}
		sum := *added
		if before := *own[i]; before != nil {
			sum += *before
			fits = fits && (*added > 0) == (sum > *before) || *added == 0 && fits
		}
		*own[i] = &sum
	}
	return fits
}
