package sqlstore

import (
	"database/sql"
	"errors"
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
	read := false
	for _, row := range stored(rt, db, "SELECT +status, +attempts FROM jobs") {
		if status := statuses.text(row[0]); status != nil {
			counts[*status]++
		}
		n := attempts.integer(row[1])
		if n == nil {
			continue
		}
		read = true
		if *n > 1 {
			retries.RetriedJobs++
			total.Add(total, big.NewInt(*n-1))
		}
		retries.MaxAttemptsSeen = max(retries.MaxAttemptsSeen, *n)
	}
	gotCounts, err := store.StatusCounts(rt.Context())
	requireDegraded(rt, err, statuses.anomalies)
	require.Equal(rt, counts, gotCounts.Value)
	require.Equal(rt, statuses.anomalies, gotCounts.Anomalies)

	gotRetries, err := store.Retries(rt.Context())
	if !total.IsInt64() {
		require.ErrorIs(rt, err, domain.CodeInvalidValue)
		require.Nil(rt, gotRetries.Value)
		return
	}
	retries.RetriesTotal = total.Int64()
	requireDegraded(rt, err, attempts.anomalies)
	require.Equal(rt, attempts.anomalies, gotRetries.Anomalies)
	if !read && attempts.anomalies > 0 {
		retries = nil
	}
	require.Equal(rt, retries, gotRetries.Value)
}

// requireDegraded: sums that met a cell which could not be read say so.
func requireDegraded(rt *rapid.T, err error, unreadable int64) {
	if unreadable == 0 {
		require.NoError(rt, err)
		return
	}
	require.ErrorIs(rt, err, domain.CodeUnreadableCells)
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
	rows := stored(rt, db, "SELECT +cost_usd, +input_tokens, +output_tokens, +cache_read_tokens, +cache_creation_tokens, +model FROM agent_runs")
	byModel := map[string]domain.CostTotals{}
	var cost, largest float64
	var sums [4]sumModel
	for i := range sums {
		sums[i] = sumModel{new(big.Int), new(big.Int)}
	}
	var read, odd [5]int
	note := func(column int, before int64, number bool) {
		if number {
			read[column]++
		}
		odd[column] += int(m.anomalies - before)
	}
	for _, row := range rows {
		name := "no model"
		if model := new(model).text(row[5]); model != nil {
			name = "model " + *model
		}
		of := byModel[name]
		before := m.anomalies
		c := m.real(row[0])
		if c != nil {
			cost += *c
			largest = max(largest, math.Abs(*c))
		}
		note(0, before, c != nil)
		for i := range sums {
			before := m.anomalies
			n := m.integer(row[i+1])
			sums[i].add(n)
			note(i+1, before, n != nil)
		}
		of.Runs++
		byModel[name] = of
	}
	got, err := store.CostTotals(rt.Context())
	possible, safe := true, true
	for _, sum := range sums {
		possible = possible && sum.total().IsInt64()
		safe = safe && sum.safe()
	}
	if errors.Is(err, domain.CodeInvalidValue) || !possible {
		require.False(rt, safe, "nothing overflows: %v", err)
		require.ErrorIs(rt, err, domain.CodeInvalidValue)
		require.Nil(rt, got.Value)
		return
	}
	requireDegraded(rt, err, m.anomalies)
	require.Equal(rt, int64(len(rows)), got.Value.Runs)
	known := func(column int) bool { return read[column] > 0 || odd[column] == 0 }
	require.Equal(rt, known(0), got.Value.CostUSD != nil)
	if known(0) {
		require.InDelta(rt, cost, *got.Value.CostUSD, largest*1e-12)
	}
	for i, tokens := range []*int64{
		got.Value.InputTokens, got.Value.OutputTokens, got.Value.CacheReadTokens, got.Value.CacheCreationTokens,
	} {
		require.Equal(rt, known(i+1), tokens != nil)
		if tokens != nil {
			require.Equal(rt, sums[i].total().Int64(), *tokens)
		}
	}
	require.Equal(rt, m.anomalies, got.Anomalies)
	var sum float64
	for _, of := range got.Value.ByModel {
		name := "no model"
		if of.Model != nil {
			name = "model " + *of.Model
		}
		require.Equal(rt, byModel[name].Runs, of.Runs)
		delete(byModel, name)
		if of.CostUSD != nil {
			sum += *of.CostUSD
		}
	}
	require.Empty(rt, byModel, "each model once")
	if known(0) {
		require.InDelta(rt, sum, *got.Value.CostUSD, 0, "they add up")
	}
}
