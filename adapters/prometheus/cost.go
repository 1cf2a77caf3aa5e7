package exposition

import (
	"slices"

	"github.com/orchmetrics/orchmetrics/domain"
)

const (
	ifNoReport = "the run's report is not in yet; the job does not run, or the section `cost` failed"
	ifNoModels = "no run has the model; the runs could not be summed, or the database has no column for it"
	ifNoTotals = "they could not be summed, or the database has no column for it"
)

// cost are the families of the section of the same name.
func cost() []Family {
	return []Family{
		{
			Name: "orchestrator_run_cost_usd", Kind: Gauge, Unit: "usd",
			Help:   "What the run of a running job has cost so far.",
			Labels: []string{"job_id", "agent", "run_id"},
			From:   "cost.running[].cost_usd", Absent: ifNoReport,
			collect: eachRun(func(r *domain.RunningCost, s *series, labels ...string) {
				if r.CostUSD != nil {
					s.add(*r.CostUSD, labels...)
				}
			}),
		},
		{
			Name: "orchestrator_run_tokens", Kind: Gauge,
			Help:   "Tokens of the run of a running job so far.",
			Labels: []string{"job_id", "agent", "run_id", "type"},
			From:   "cost.running[].…_tokens", Absent: ifNoReport,
			collect: eachRun(func(r *domain.RunningCost, s *series, labels ...string) {
				tokens(s, r.InputTokens, r.OutputTokens, r.CacheReadTokens, r.CacheCreationTokens, labels...)
			}),
		},
		{
			Name: "orchestrator_runs", Kind: Gauge, Help: "Runs that the database holds, ended or not.",
			From: "cost.aggregate.runs", Absent: "they could not be counted",
			collect: ofTotals(func(t *domain.CostTotals, s *series) { s.add(float64(t.Runs)) }),
		},
		{
			Name: "orchestrator_cost_usd", Kind: Gauge, Unit: "usd",
			Help: "What all runs that the database holds have cost. A run without a figure counts as 0.",
			From: "cost.aggregate.cost_usd", Absent: ifNoTotals,
			collect: ofTotals(func(t *domain.CostTotals, s *series) {
				if t.CostUSD != nil {
					s.add(*t.CostUSD)
				}
			}),
		},
		{
			Name: "orchestrator_tokens", Kind: Gauge, Labels: []string{"type"},
			Help: "Tokens of all runs that the database holds. A run without a figure counts as 0.",
			From: "cost.aggregate.…_tokens", Absent: ifNoTotals,
			collect: ofTotals(func(t *domain.CostTotals, s *series) {
				tokens(s, t.InputTokens, t.OutputTokens, t.CacheReadTokens, t.CacheCreationTokens)
			}),
		},
	}
}

// costByModel are the families of cost.by_model.
func costByModel() []Family {
	return []Family{
		{
			Name: "orchestrator_model_runs", Kind: Gauge, Labels: []string{"model", "kind"},
			Help: "Runs of each of the models with most of them. The kind is model, unknown for runs without one, " +
				"or rest for those of all other models.",
			From: "cost.by_model[].runs", Absent: ifNoModels,
			collect: eachModel(func(m *domain.ModelCost, s *series, labels ...string) { s.add(float64(m.Runs), labels...) }),
		},
		{
			Name: "orchestrator_model_cost_usd", Kind: Gauge, Unit: "usd", Labels: []string{"model", "kind"},
			Help: "What the runs of each model have cost, as orchestrator_cost_usd for all.",
			From: "cost.by_model[].cost_usd", Absent: ifNoModels,
			collect: eachModel(func(m *domain.ModelCost, s *series, labels ...string) {
				if m.CostUSD != nil {
					s.add(*m.CostUSD, labels...)
				}
			}),
		},
		{
			Name: "orchestrator_model_tokens", Kind: Gauge, Labels: []string{"model", "kind", "type"},
			Help: "Tokens of the runs of each model, as orchestrator_tokens for all.",
			From: "cost.by_model[].…_tokens", Absent: ifNoModels,
			collect: eachModel(func(m *domain.ModelCost, s *series, labels ...string) {
				tokens(s, m.InputTokens, m.OutputTokens, m.CacheReadTokens, m.CacheCreationTokens, labels...)
			}),
		},
	}
}

func eachModel(fn func(m *domain.ModelCost, s *series, labels ...string)) func(*answer, *series) {
	return func(e *answer, s *series) {
		if e.Cost == nil {
			return
		}
		for i := range e.Cost.ByModel {
			m, kind := &e.Cost.ByModel[i], "model"
			switch {
			case m.Models != nil:
				kind = "rest"
			case m.Model == nil:
				kind = "unknown"
			}
			fn(m, s, text(m.Model), kind)
		}
	}
}

func eachRun(fn func(r *domain.RunningCost, s *series, labels ...string)) func(*answer, *series) {
	return func(e *answer, s *series) {
		if e.Cost == nil {
			return
		}
		for i := range e.Cost.Running {
			r := &e.Cost.Running[i]
			fn(r, s, id(r.JobID), text(r.Agent), optionalID(r.RunID))
		}
	}
}

func ofTotals(fn func(*domain.CostTotals, *series)) func(*answer, *series) {
	return func(e *answer, s *series) {
		if e.Cost != nil && e.Cost.Aggregate != nil {
			fn(e.Cost.Aggregate, s)
		}
	}
}

// tokens adds a series for each type that is known; the type is the last label.
func tokens(s *series, input, output, cacheRead, cacheCreation *int64, labels ...string) {
	of := func(kind string) []string { return append(slices.Clip(labels), kind) }
	s.ifKnown(input, of("input")...)
	s.ifKnown(output, of("output")...)
	s.ifKnown(cacheRead, of("cache_read")...)
	s.ifKnown(cacheCreation, of("cache_creation")...)
}
