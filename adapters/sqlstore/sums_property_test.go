package sqlstore

import (
	"database/sql"
	"math"
	"math/big"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/orchmetrics/orchmetrics/domain"
)

// The part of TestAnyCell that is about sums.

func checkQueue(rt *rapid.T, store *Store, db *sql.DB) {
	var statuses, attempts model
	counts := domain.NewStatusCounts()
	retries, total := &domain.Retries{}, new(big.Int)
	for _, row := range stored(rt, db, "SELECT +status, +attempts FROM jobs") {
		if status := statuses.text(row[0]); status != nil {
			counts[*status]++
		}
		if n := attempts.integer(row[1]); n != nil && *n > 1 {
			retries.RetriedJobs++
			total.Add(total, big.NewInt(*n-1))
		}
		if n, ok := row[1].(int64); ok {
			retries.MaxAttemptsSeen = max(retries.MaxAttemptsSeen, n)
		}
	}
	gotCounts, err := store.StatusCounts(rt.Context())
	require.NoError(rt, err)
	require.Equal(rt, counts, gotCounts.Value)
	require.Equal(rt, statuses.anomalies, gotCounts.Anomalies)

	gotRetries, err := store.Retries(rt.Context())
	if !total.IsInt64() {
		require.ErrorIs(rt, err, domain.CodeInvalidValue)
		require.Nil(rt, gotRetries.Value)
		return
	}
	retries.RetriesTotal = total.Int64()
	require.NoError(rt, err)
	require.Equal(rt, retries, gotRetries.Value)
	require.Equal(rt, attempts.anomalies, gotRetries.Anomalies)
}

// sumModel adds up a column in both directions: with numbers of both signs it is
// chance, by their order, whether a sum in between leaves the range.
type sumModel struct {
	above, below *big.Int
}

func (s sumModel) add(n *int64) {
	switch {
	case n == nil:
	case *n > 0:
		s.above.Add(s.above, big.NewInt(*n))
	default:
		s.below.Add(s.below, big.NewInt(*n))
	}
}

func (s sumModel) total() *big.Int { return new(big.Int).Add(s.above, s.below) }

// safe tells whether no order leaves the range.
func (s sumModel) safe() bool { return s.above.IsInt64() && s.below.IsInt64() }

func checkCosts(rt *rapid.T, store *Store, db *sql.DB) {
	var m model
	rows := stored(rt, db, "SELECT +cost_usd, +input_tokens, +output_tokens, +cache_read_tokens, +cache_creation_tokens FROM agent_runs")
	var cost, largest float64
	var sums [4]sumModel
	for i := range sums {
		sums[i] = sumModel{new(big.Int), new(big.Int)}
	}
	for _, row := range rows {
		if c := m.real(row[0]); c != nil {
			cost += *c
			largest = max(largest, math.Abs(*c))
		}
		for i := range sums {
			sums[i].add(m.integer(row[i+1]))
		}
	}
	got, err := store.CostTotals(rt.Context())
	possible, safe := true, true
	for _, sum := range sums {
		possible = possible && sum.total().IsInt64()
		safe = safe && sum.safe()
	}
	if err != nil || !possible {
		require.False(rt, safe, "nothing overflows: %v", err)
		require.ErrorIs(rt, err, domain.CodeInvalidValue)
		require.Nil(rt, got.Value)
		return
	}
	require.Equal(rt, int64(len(rows)), got.Value.Runs)
	require.InDelta(rt, cost, *got.Value.CostUSD, largest*1e-12)
	for i, tokens := range []*int64{
		got.Value.InputTokens, got.Value.OutputTokens, got.Value.CacheReadTokens, got.Value.CacheCreationTokens,
	} {
		require.Equal(rt, sums[i].total().Int64(), *tokens)
	}
	require.Equal(rt, m.anomalies, got.Anomalies)
}
