package page

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// edited serves a scenario whose answers a test has changed: what an orchestrator, a
// host or a newer service would make of them. step counts the answers from 0.
func edited(t *testing.T, name string, edit func(step int, envelope object)) *service {
	t.Helper()
	whole := handlerOf(t, recorded(t, name), true)
	step := 0
	return serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			whole.ServeHTTP(w, r)
			return
		}
		recorder := httptest.NewRecorder()
		whole.ServeHTTP(recorder, r)
		envelope := decode(t, recorder.Body.Bytes())
		edit(step, envelope)
		step++
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(envelope)
	}))
}

// agentAt returns an agent of the envelope's own kind, for a test to change.
func agentAt(envelope object, i int) object {
	return envelope["agents"].([]any)[i].(object)
}

// multiply makes the envelope one of so many agents and tasks, an agent at work on
// each of the first tasks. step moves their ages.
func multiply(t *testing.T, envelope object, step, agents, tasks int) {
	t.Helper()
	stages := []string{"analysis", "design", "development", "review", "testing"}
	pattern := agentAt(envelope, 0)
	require.NotNil(t, pattern["process"])
	var allTasks, allAgents, runs []any
	for i := range tasks {
		allTasks = append(allTasks, object{
			"task_id": tasks - i, "work_item": "ORCH-" + plain(1000+i), "stage": stages[(tasks-1-i)*len(stages)/tasks], "repo": []string{"web-shop", "billing-api"}[i%2],
			"age_in_stage_s": 10*i + 2*step,
		})
	}
	for i := range agents {
		agent, process := maps.Clone(pattern), maps.Clone(pattern["process"].(object))
		maps.Copy(process, object{
			"start_ticks": 1000 + i, "sampled_boottime_ms": at(envelope, "clock", "boottime_ms"), "tree_cpu_ticks": 3 * i * step, "status": "ok", "state": "S",
		})
		maps.Copy(agent, object{
			"job_id": i + 1, "run_id": 9000 + i, "pid": 10_000 + i, "task_id": tasks - i, "work_item": "ORCH-" + plain(1000+i), "cpu_ticks": i * step,
			"agent": []string{"developer", "reviewer", "tester"}[i%3], "runtime_s": 100*i + 2*step, "process": process,
		})
		allAgents = append(allAgents, agent)
		runs = append(runs, object{"job_id": i + 1, "run_id": 9000 + i, "agent": agent["agent"], "cost_usd": float64(i) / 8, "input_tokens": 1000 * i, "output_tokens": 100 * i, "cache_read_tokens": nil, "cache_creation_tokens": nil})
	}
	envelope["stages"], envelope["agents"] = allTasks, allAgents
	envelope["cost"].(object)["running"] = runs
}

// column is one part of each row of a section, from top to bottom.
func column(s section, part string) []string {
	var texts []string
	for _, row := range s.Rows {
		texts = append(texts, row[part])
	}
	return slices.Clip(texts)
}
