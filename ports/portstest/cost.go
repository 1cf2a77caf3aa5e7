package portstest

import (
	"fmt"
	"testing"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// CostSource proves an adapter of ports.CostSource.
func CostSource(t *testing.T, open func(testing.TB, Data) ports.CostSource) {
	t.Helper()
	run(t, costChecks(), open)
}

func costChecks() []check[ports.CostSource] {
	return readings(
		func(s ports.CostSource) reader[*domain.RunCosts] { return s.CostTotals },
		answer[*domain.RunCosts]{"no runs", Data{}, func() *domain.RunCosts {
			return &domain.RunCosts{CostTotals: totals(0, 0, 0, 0, 0, 0), ByModel: []domain.ModelCost{}}
		}},
		answer[*domain.RunCosts]{"runs without figures", idle(), func() *domain.RunCosts {
			return &domain.RunCosts{CostTotals: totals(1, 0, 0, 0, 0, 0), ByModel: []domain.ModelCost{{CostTotals: totals(1, 0, 0, 0, 0, 0)}}}
		}},
		answer[*domain.RunCosts]{"all runs", busy(), busyCosts},
		answer[*domain.RunCosts]{"many models", manyModels(), manyCosts},
	)
}

func totals(runs int64, cost float64, input, output, cacheRead, cacheCreation int64) domain.CostTotals {
	return domain.CostTotals{
		Runs: runs, CostUSD: &cost, InputTokens: &input, OutputTokens: &output,
		CacheReadTokens: &cacheRead, CacheCreationTokens: &cacheCreation,
	}
}

// busyCosts are those of busy: zero is a cost as any other.
func busyCosts() *domain.RunCosts {
	return &domain.RunCosts{CostTotals: totals(3, 1.75, 1000, 101, 1<<40+10, 3), ByModel: []domain.ModelCost{
		{CostTotals: totals(1, 1.75, 1000, 100, 10, 0)},
		{Model: new("claude-opus-4-8"), CostTotals: totals(1, 0, 0, 1, 1<<40, 3)},
		{Model: new("claude-sonnet-4-5"), CostTotals: totals(1, 0, 0, 0, 0, 0)},
	}}
}

// manyModels are more than have an entry of their own. Those with the dearest runs have
// fewest of them.
func manyModels() (data Data) {
	run := func(model int) {
		data.Runs = append(data.Runs, Run{
			ID: int64(len(data.Runs) + 1), Model: new(fmt.Sprintf("m%02d", model)), CostUSD: new(float64(model)), InputTokens: new(int64(model)),
		})
	}
	for model := range domain.MaxModels + 3 {
		if run(model); model < domain.MaxModels {
			run(model)
		}
	}
	data.Runs = append(data.Runs, Run{ID: 1000, CostUSD: new(0.5)})
	return data
}

func manyCosts() *domain.RunCosts {
	rest := domain.ModelCost{Models: new(int64(3)), CostTotals: totals(3, 64+65+66, 64+65+66, 0, 0, 0)}
	costs := &domain.RunCosts{CostTotals: totals(132, 63*64+0.5+64+65+66, 63*64+64+65+66, 0, 0, 0)}
	for model := int64(domain.MaxModels - 1); model >= 0; model-- {
		if model == 0 {
			costs.ByModel = append(costs.ByModel, domain.ModelCost{CostTotals: totals(1, 0.5, 0, 0, 0, 0)})
		}
		costs.ByModel = append(costs.ByModel, domain.ModelCost{
			Model: new(fmt.Sprintf("m%02d", model)), CostTotals: totals(2, float64(2*model), 2*model, 0, 0, 0),
		})
	}
	costs.ByModel = append(costs.ByModel, rest)
	return costs
}
