package sqlstore

import (
	"context"
	"fmt"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// CostTotals implements ports.CostSource. The sum of a missing column is nil.
func (s *Store) CostTotals(ctx context.Context) (ports.Reading[*domain.CostTotals], error) {
	return read(ctx, s, func(ses *session) (ports.Reading[*domain.CostTotals], error) {
		runs, err := ses.columns("agent_runs", "r")
		if err != nil {
			return ports.Reading[*domain.CostTotals]{}, err
		}
		reading, err := summed(ses, totalsQuery(runs), scanCostTotals)
		if err != nil {
			return reading, err
		}
		return reading, runs.drift()
	})
}

// totalsQuery sums every column with its strange cells left out, and counts
// those. total() is sum() for what may be a float: it cannot overflow.
func totalsQuery(runs *columns) string {
	cost := runs.ref("cost_usd")
	sums := fmt.Sprintf("count(*), %s", orNull(cost, fmt.Sprintf("total(CASE WHEN %s THEN %s END)", finite(cost), cost)))
	strange := fmt.Sprintf("(%s IS NOT NULL AND NOT %s)", cost, finite(cost))
	for _, name := range []string{"input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens"} {
		tokens := runs.ref(name)
		sums += ", " + orNull(tokens, fmt.Sprintf("coalesce(sum(CASE WHEN typeof(%[1]s) = 'integer' THEN %[1]s END), 0)", tokens))
		strange += " + " + notOneOf(tokens, "integer")
	}
	return fmt.Sprintf("SELECT %s, coalesce(sum(%s), 0) FROM agent_runs r", sums, strange)
}

// orNull is the sum of a column, or NULL for one that is missing.
func orNull(column, sum string) string {
	if column == "NULL" {
		return column
	}
	return sum
}

func scanCostTotals(row *cells) domain.CostTotals {
	return domain.CostTotals{
		Runs:                row.number(),
		CostUSD:             row.real(),
		InputTokens:         row.integer(),
		OutputTokens:        row.integer(),
		CacheReadTokens:     row.integer(),
		CacheCreationTokens: row.integer(),
	}
}
