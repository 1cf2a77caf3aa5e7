package demo

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestHistoryIsTheSameForTheSameSeed(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	at := func(seed uint64, now time.Time) *history {
		return makeHistory(rand.New(rand.NewPCG(seed, 1)), now)
	}
	first, again := at(1, now), at(1, now)
	assert.Equal(t, first, again)
	assert.NotEqual(t, first, at(2, now))

	later := at(1, now.Add(time.Hour))
	for i, task := range first.tasks {
		assert.Equal(t, task.created.Add(time.Hour), later.tasks[i].created, "only the times move")
		assert.Equal(t, task.stage, later.tasks[i].stage)
	}
}

func TestHistoryHoldsForAnySeed(t *testing.T) {
	now := time.Now()
	for seed := range uint64(60) {
		h := makeHistory(rand.New(rand.NewPCG(seed, 1)), now)
		active := 0
		for _, task := range h.tasks {
			if !terminal(task.stage) {
				active++
			}
			assert.False(t, task.updated.After(now))
		}
		assert.Equal(t, activeTasks, active)
		assert.GreaterOrEqual(t, len(h.jobs), 200)
		assert.LessOrEqual(t, len(h.jobs), 600)
		for _, job := range h.jobs {
			assert.LessOrEqual(t, job.attempts, job.maxAttempts)
			assert.False(t, job.finished.After(now))
		}
	}
}

func TestSpendAddsUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 100 {
		for _, model := range []string{modelOpus, modelSonnet, modelHaiku} {
			u := spend(rng, model)
			assert.Positive(t, u.costUSD)
			assert.Less(t, u.costUSD, 5.0)
		}
	}
	assert.Equal(t, []any{nil, nil, nil, nil, nil}, (*usage)(nil).columns())
}

func TestPipeline(t *testing.T) {
	assert.Equal(t, stageDesign, stageAfter(stageAnalysis))
	assert.Equal(t, stageDone, stageAfter(stageTesting))
	assert.Equal(t, stageDone, stageAfter("somewhere else"))

	rng, sent := rand.New(rand.NewPCG(1, 1)), map[string]int{}
	for range 1000 {
		sent[nextStage(rng, stageReview)]++
	}
	assert.Len(t, sent, 2, "reviewers send back")
	assert.Greater(t, sent[stageTesting], sent[stageDevelopment])
}
