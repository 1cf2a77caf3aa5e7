package portstest

import (
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
		func(s ports.CostSource) reader[*domain.CostTotals] { return s.CostTotals },
		answer[*domain.CostTotals]{"no runs", Data{}, func() *domain.CostTotals { return totals(0, 0, 0, 0, 0, 0) }},
		answer[*domain.CostTotals]{"runs without figures", idle(), func() *domain.CostTotals { return totals(1, 0, 0, 0, 0, 0) }},
		answer[*domain.CostTotals]{"all runs", busy(), func() *domain.CostTotals { return totals(3, 1.75, 1000, 101, 1<<40+10, 3) }},
	)
}

func totals(runs int64, cost float64, input, output, cacheRead, cacheCreation int64) *domain.CostTotals {
	return &domain.CostTotals{
		Runs: runs, CostUSD: &cost, InputTokens: &input, OutputTokens: &output,
		CacheReadTokens: &cacheRead, CacheCreationTokens: &cacheCreation,
	}
}
