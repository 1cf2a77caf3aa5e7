package sqlstore

import (
	"context"
	"fmt"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// CostTotals implements ports.CostSource. The sum of a missing column is nil.
func (s *Store) CostTotals(ctx context.Context) (ports.Reading[*domain.CostTotals], error) {
	return read(ctx, s, costTotals, func(ses *session) (ports.Reading[*domain.CostTotals], error) {
		runs, err := ses.columns("agent_runs", "r")
		if err != nil {
			return ports.Reading[*domain.CostTotals]{}, err
		}
		sums, counted, err := total(ses, &s.history.runs)
		if err != nil {
			return ports.Reading[*domain.CostTotals]{}, err
		}
		if sums.overflow {
			return ports.Reading[*domain.CostTotals]{}, fmt.Errorf("sum runs: beyond 64 bits: %w", domain.CodeInvalidValue)
		}
		totals := &domain.CostTotals{Runs: sums.runs}
		if runs.has("cost_usd") {
			totals.CostUSD = &sums.cost
		}
		for i, field := range []**int64{&totals.InputTokens, &totals.OutputTokens, &totals.CacheReadTokens, &totals.CacheCreationTokens} {
			if runs.has(tokenColumns[i]) {
				*field = &sums.tokens[i]
			}
		}
		return ports.Reading[*domain.CostTotals]{Value: totals, Anomalies: sums.odd, CountedAt: &counted}, runs.drift()
	})
}
