package domain_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/orchmetrics/orchmetrics/domain"
)

// The order of keys as the contract has it, typed from there and not from the
// code.
var contractKeys = map[string][]string{
	"": {
		"schema_version", "generated_at", "clk_tck", "stages", "queue", "agents", "cost",
		"zeta", "alpha", "clock", "instance", "sections",
	},
	".stages[]": {"work_item", "stage", "age_in_stage_s", "repo", "task_id"},
	".queue": {
		"counts", "depth", "retries", "breaker", "max_concurrency", "poll_interval", "worker_updated_at",
	},
	".queue.counts":  {"queued", "running", "done", "failed", "cancelled", "zombified"},
	".queue.retries": {"retried_jobs", "retries_total", "max_attempts_seen"},
	".queue.breaker": {"state"},
	".agents[]": {
		"agent", "run_id", "job_id", "repo", "pid", "runtime_s", "model", "effort", "cpu_ticks", "process",
		"task_id", "work_item", "host",
	},
	".agents[].process": {
		"status", "state", "start_ticks", "started_at", "threads", "rss_bytes", "children_cpu_ticks",
		"tree_cpu_ticks", "tree_processes", "sampled_boottime_ms", "started_after_job_s", "run_ns", "time_slices", "read_bytes", "written_bytes",
		"tree_run_ns", "tree_time_slices", "tree_read_bytes", "tree_written_bytes",
	},
	".cost": {"running", "aggregate", "by_model"},
	".cost.running[]": {
		"run_id", "job_id", "agent", "cost_usd", "input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens",
		"model",
	},
	".cost.aggregate": {
		"runs", "cost_usd", "input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens",
	},
	".cost.by_model[]": {
		"model", "models", "runs", "cost_usd", "input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens",
	},
	".alpha":           {"b", "a"},
	".clock":           {"unix_ms", "boottime_ms", "boot_id"},
	".instance":        {"id", "started_at", "version"},
	".sections":        {"agents", "alpha", "cost", "queue", "stages", "zeta"},
	".sections.agents": {"status", "code", "duration_ms", "rows", "truncated", "anomalies"},
	".sections.alpha":  {"status", "code", "duration_ms", "rows", "truncated", "anomalies"},
	".sections.cost":   {"status", "code", "duration_ms", "rows", "truncated", "anomalies", "recounted_at", "as_of"},
	".sections.queue":  {"status", "code", "duration_ms", "rows", "truncated", "anomalies"},
	".sections.stages": {"status", "code", "duration_ms", "rows", "truncated", "anomalies"},
	".sections.zeta":   {"status", "code", "duration_ms", "rows", "truncated", "anomalies"},
}

func TestEnvelopeShapeAndKeyOrder(t *testing.T) {
	assert.Equal(t, contractKeys, keysByPath(t, encode(t, full())))
}

// What is unknown is null, and its key is there all the same.
func TestEveryKeyIsPresentWithoutValues(t *testing.T) {
	empty := domain.Envelope{
		Stages:   []domain.Stage{{}},
		Queue:    &domain.Queue{},
		Agents:   []domain.Agent{{Process: &domain.Process{}}},
		Cost:     &domain.Cost{Running: []domain.RunningCost{{}}, Aggregate: &domain.CostTotals{}},
		Sections: asked("stages", "queue", "agents", "cost"),
	}
	encoded := encode(t, empty)
	keys := keysByPath(t, encoded)
	for _, path := range []string{
		".stages[]", ".queue", ".agents[]", ".agents[].process", ".cost", ".cost.running[]", ".cost.aggregate",
		".clock", ".instance", ".sections.stages",
	} {
		assert.Equal(t, contractKeys[path], keys[path], path)
	}

	fields := decode(t, encoded)
	queue := fields["queue"].(map[string]any)
	for _, key := range contractKeys[".queue"] {
		assert.Nil(t, queue[key], key)
	}
	agent := fields["agents"].([]any)[0].(map[string]any)
	for _, key := range []string{"agent", "run_id", "repo", "pid", "runtime_s", "model", "effort", "cpu_ticks", "task_id", "work_item", "host"} {
		assert.Nil(t, agent[key], key)
	}
	running := fields["cost"].(map[string]any)["running"].([]any)[0].(map[string]any)
	for _, key := range []string{"cost_usd", "input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens", "model"} {
		assert.Nil(t, running[key], key)
	}
	assert.Equal(t, []any{}, fields["cost"].(map[string]any)["by_model"])
	assert.Nil(t, fields["clk_tck"])
}

func TestNarrowedEnvelopeHasOnlyTheSectionsAsked(t *testing.T) {
	envelope := full()
	envelope.Sections = asked("agents", "alpha")
	keys := keysByPath(t, encode(t, envelope))
	assert.Equal(t, []string{
		"schema_version", "generated_at", "clk_tck", "agents", "alpha", "clock", "instance", "sections",
	}, keys[""])
	assert.Equal(t, []string{"agents", "alpha"}, keys[".sections"])
}

func TestKillSwitchBody(t *testing.T) {
	bare := domain.Envelope{SchemaVersion: domain.SchemaVersion, Disabled: true}
	assert.Equal(t, `{"schema_version":1,"enabled":false}`, string(encode(t, bare)))

	filled := full()
	filled.Disabled = true
	assert.Equal(t, `{"schema_version":1,"enabled":false}`, string(encode(t, filled)), "nothing else, whatever it holds")
}
