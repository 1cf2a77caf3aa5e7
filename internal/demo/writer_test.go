package demo

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const rounds = 600 // ten minutes of a demo

// testWriter is one that is driven by hand, as fast as it goes: its dying agents
// die at once.
func testWriter(t *testing.T) *writer {
	t.Helper()
	dir := t.TempDir()
	opened, err := openStore(t.Context(), filepath.Join(dir, dbName), schema)
	require.NoError(t, err)
	db := opened.db
	past := makeHistory(rand.New(rand.NewPCG(5, 1)), time.Now())
	require.NoError(t, past.write(t.Context(), db))
	w := &writer{
		ledger:    &ledger{db: db, rng: rand.New(rand.NewPCG(5, 2)), items: past.items},
		spawner:   testSpawner(t),
		breaker:   newBreaker(),
		stateFile: filepath.Join(dir, workerStateName),
		log:       slog.New(slog.DiscardHandler),
	}
	t.Cleanup(func() {
		for _, a := range w.roster.agents() {
			a.end()
		}
		require.NoError(t, closeStore(context.Background(), db))
	})
	return w
}

// TestLongLife goes through many rounds and looks at what must hold after each.
func TestLongLife(t *testing.T) {
	w := testWriter(t)
	ctx := t.Context()
	before := countJobs(t, w)
	breakerStates, kinds := map[string]int{}, map[kind]int{}
	for range rounds {
		require.NoError(t, w.round(ctx))
		breakerStates[w.breaker.state]++
		jobs := countJobs(t, w)
		require.Equal(t, len(w.roster.slots), jobs[statusRunning])
		require.LessOrEqual(t, jobs[statusRunning], maxConcurrency)
		require.GreaterOrEqual(t, jobs[statusRunning], maxConcurrency-1)
		require.LessOrEqual(t, jobs[statusQueued], mostActive-maxConcurrency+1)
		require.GreaterOrEqual(t, jobs[statusQueued], fewestActive-maxConcurrency-1)
		active, err := w.ledger.activeTasks(ctx)
		require.NoError(t, err)
		require.Equal(t, active, jobs[statusQueued]+jobs[statusRunning])
		require.LessOrEqual(t, active, mostActive)
		for _, s := range w.roster.slots {
			kinds[s.kind]++
			if s.kind == kindDying && s.agent != nil {
				awaitEnd(t, s.agent)
			}
		}
	}
	after := countJobs(t, w)
	assert.Greater(t, after[statusDone], before[statusDone]+rounds/30)
	assert.Less(t, after[statusDone], before[statusDone]+rounds/5,
		"the history grows slowly")
	assert.Greater(t, after[statusFailed], before[statusFailed])
	assert.Len(t, breakerStates, 3, "%v", breakerStates)
	assert.Greater(t, breakerStates[breakerClosed], rounds/2, "%v", breakerStates)
	for _, k := range steadyKinds() {
		assert.GreaterOrEqual(t, kinds[k], rounds-1, "%s: one in each round", k)
	}
	t.Logf("jobs %v -> %v, breaker %v, agents %v", before, after, breakerStates, kinds)
}

func countJobs(t *testing.T, w *writer) map[string]int {
	t.Helper()
	rows, err := w.ledger.db.QueryContext(t.Context(), `SELECT status, count(*) FROM jobs GROUP BY status`)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	found := map[string]int{}
	for rows.Next() {
		var status string
		var n int
		require.NoError(t, rows.Scan(&status, &n))
		found[status] = n
	}
	require.NoError(t, rows.Err())
	return found
}

func TestCancelTask(t *testing.T) {
	w := testWriter(t)
	before := countJobs(t, w)
	require.NoError(t, w.ledger.cancelTask(t.Context()))
	after := countJobs(t, w)
	assert.Equal(t, before[statusCancelled]+1, after[statusCancelled])
	assert.Equal(t, before[statusQueued]-1, after[statusQueued])
	for range activeTasks {
		require.NoError(t, w.ledger.cancelTask(t.Context()), "also without a queued job")
	}
	_, err := w.ledger.claim(t.Context())
	require.ErrorIs(t, err, errNothingQueued)
	require.NoError(t, w.claimFree(t.Context()))
	assert.Empty(t, w.roster.slots)
}

func TestRoundSurvivesATroubledStore(t *testing.T) {
	w := testWriter(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, w.round(ended), context.Canceled)
	assert.Empty(t, w.roster.slots)
	for range 2 {
		require.NoError(t, w.round(t.Context()))
	}
	assert.Len(t, w.roster.agents(), maxConcurrency)
}

func TestSpawnFailureFailsTheJob(t *testing.T) {
	w := testWriter(t)
	good := w.spawner
	w.spawner = newSpawner(filepath.Join(t.TempDir(), "nothing"))
	t.Cleanup(w.spawner.close)
	require.NoError(t, w.round(t.Context()))
	require.Error(t, w.round(t.Context()))
	assert.Empty(t, w.roster.slots)
	assert.Equal(t, breakerOpen, w.breaker.state)
	assert.Zero(t, countJobs(t, w)[statusRunning])

	w.spawner = good
	for range breakerOpenFor + 2 {
		require.NoError(t, w.round(t.Context()))
	}
	assert.Len(t, w.roster.agents(), maxConcurrency, "it recovers")
}
