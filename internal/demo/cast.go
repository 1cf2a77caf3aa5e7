package demo

import (
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
)

const (
	modelOpus   = "claude-opus-4-8"
	modelSonnet = "claude-sonnet-4-5"
	modelHaiku  = "claude-haiku-4-5"
)

// assignment is what a run is started with.
type assignment struct {
	model  string
	effort sql.Null[string]
}

// assign chooses a role's model and effort. The small model has no effort
// setting, so that the NULL is seen too.
func assign(rng *rand.Rand, role string) assignment {
	model := modelFor(rng, role)
	if model == modelHaiku {
		return assignment{model: model}
	}
	return assignment{model: model, effort: text(pick(rng, "low", "medium", "medium", "high"))}
}

func modelFor(rng *rand.Rand, role string) string {
	switch role {
	case "architect":
		return modelOpus
	case "developer":
		return pick(rng, modelOpus, modelOpus, modelSonnet)
	case "tester":
		return pick(rng, modelHaiku, modelHaiku, modelSonnet)
	default:
		return pick(rng, modelSonnet, modelSonnet, modelHaiku)
	}
}

// usage is what a run's report says that it took.
type usage struct {
	costUSD                                 float64
	input, output, cacheRead, cacheCreation int64
}

// spend makes up a run's tokens and prices them, so that the sums agree with
// each other.
func spend(rng *rand.Rand, model string) usage {
	u := usage{
		input:         int64(between(rng, 2_000, 40_000)),
		output:        int64(between(rng, 3_000, 30_000)),
		cacheRead:     int64(between(rng, 150_000, 2_500_000)),
		cacheCreation: int64(between(rng, 20_000, 200_000)),
	}
	in, out := price(model)
	perMillion := in*(float64(u.input)+0.1*float64(u.cacheRead)+1.25*float64(u.cacheCreation)) + out*float64(u.output)
	u.costUSD = math.Round(perMillion/100) / 10_000
	return u
}

// price is in dollars for a million tokens, in and out.
func price(model string) (in, out float64) {
	switch model {
	case modelOpus:
		return 5, 25
	case modelHaiku:
		return 1, 5
	default:
		return 3, 15
	}
}

func pickRepo(rng *rand.Rand) string {
	return pick(rng, "billing-api", "web-shop", "search-index", "mobile-app", "infra-live", "data-pipeline")
}

// pickMaxAttempts is mostly the orchestrator's default.
func pickMaxAttempts(rng *rand.Rand) int64 {
	return pick[int64](rng, 3, 3, 3, 2)
}

// pickError is what a failed job says; the service must never show it.
func pickError(rng *rand.Rand) string {
	return pick(rng,
		"agent exited with code 1",
		"tests failed after the last change",
		"no answer from the model within 600 s",
		"the change could not be merged",
	)
}

// workItems numbers the work items.
type workItems struct{ last int }

// next names a new task's work item: mostly a new one, sometimes the last one
// again (the same work in another repository), and now and then none.
func (w *workItems) next(rng *rand.Rand) sql.Null[string] {
	if chance(rng, 4) {
		return sql.Null[string]{}
	}
	if w.last == 0 || !chance(rng, 20) {
		w.last++
	}
	return text(fmt.Sprintf("ORCH-%03d", w.last))
}

func text(s string) sql.Null[string] {
	return sql.Null[string]{V: s, Valid: true}
}

// columns are the values of cost_usd to cache_creation_tokens. Without a report
// they are all NULL: not known is not zero.
func (u *usage) columns() []any {
	if u == nil {
		return make([]any, 5)
	}
	return []any{u.costUSD, u.input, u.output, u.cacheRead, u.cacheCreation}
}
