package demo

import (
	"math/rand/v2"
	"slices"
)

// The stages that are worked on. A task has exactly one open job while it is in
// one of them, which is what keeps the queue short.
const (
	stageAnalysis    = "analysis"
	stageDesign      = "design"
	stageDevelopment = "development"
	stageReview      = "review"
	stageTesting     = "testing"
)

// pipeline lists the stages in their order.
func pipeline() []string {
	return []string{stageAnalysis, stageDesign, stageDevelopment, stageReview, stageTesting}
}

// nextStage is where a task goes after good work: mostly on, but reviewers and
// testers also send it back.
func nextStage(rng *rand.Rand, stage string) string {
	sentBack := (stage == stageReview && chance(rng, 15)) || (stage == stageTesting && chance(rng, 10))
	if sentBack {
		return stageDevelopment
	}
	return stageAfter(stage)
}

// stageAfter is the straight way; the last stage, or one that is not ours, leads
// to the end.
func stageAfter(stage string) string {
	stages := pipeline()
	at := slices.Index(stages, stage)
	if at < 0 || at == len(stages)-1 {
		return stageDone
	}
	return stages[at+1]
}

// terminal tells whether a stage ends the task.
func terminal(stage string) bool {
	return stage == stageDone || stage == stageCancelled
}

// roleFor names the agent that works in a stage.
func roleFor(stage string) string {
	switch stage {
	case stageAnalysis:
		return "analyst"
	case stageDesign:
		return "architect"
	case stageReview:
		return "reviewer"
	case stageTesting:
		return "tester"
	default:
		return "developer"
	}
}

// chance is true in so many of a hundred cases.
func chance(rng *rand.Rand, percent int) bool {
	return rng.IntN(100) < percent
}

// pick chooses one of several.
func pick[T any](rng *rand.Rand, from ...T) T {
	return from[rng.IntN(len(from))]
}

// between is a number from low to high, both included.
func between(rng *rand.Rand, low, high int) int {
	return low + rng.IntN(high-low+1)
}
