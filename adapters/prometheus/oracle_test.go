package exposition_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// object is a JSON object of an answer.
type object = map[string]any

// oracle computes the series from the answer's JSON, as docs/metrics.md says,
// and so not from what the exposition looks at.
type oracle struct {
	found    map[string]float64
	twice    int // series that another one keeps from being shown
	overmany int
}

func expected(t require.TestingT, e domain.Envelope) map[string]float64 {
	encoded, err := json.Marshal(e)
	require.NoError(t, err)
	var answer object
	decoder := json.NewDecoder(strings.NewReader(string(encoded)))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&answer))
	o := &oracle{found: map[string]float64{}}
	if answer["enabled"] == false {
		o.add("orchmetrics_enabled", 0)
		return o.found
	}
	o.add("orchmetrics_enabled", 1)
	o.stages(answer)
	if queue, ok := answer["queue"].(object); ok {
		o.queue(queue)
	}
	o.agents(answer)
	if cost, ok := answer["cost"].(object); ok {
		o.cost(cost)
	}
	o.service(answer)
	o.add("orchmetrics_omitted_series", json.Number(strconv.Itoa(o.twice)), "reason", "duplicate")
	o.add("orchmetrics_omitted_series", json.Number(strconv.Itoa(o.overmany)), "reason", "limit")
	return o.found
}

// add adds a series whose value is a JSON value, a time included; null is none.
func (o *oracle) add(name string, value any, labels ...any) {
	var v float64
	switch value := value.(type) {
	case nil:
		return
	case int:
		v = float64(value)
	case float64:
		v = value
	case bool:
		v = map[bool]float64{true: 1}[value]
	case json.Number:
		v, _ = value.Float64()
	case string:
		at, err := time.Parse(time.RFC3339Nano, value)
		if err != nil {
			return
		}
		v = float64(at.Unix()) + float64(at.Nanosecond())/1e9
	}
	named := map[string]string{}
	for i := 0; i < len(labels); i += 2 {
		named[labels[i].(string)] = label(labels[i+1])
	}
	key := seriesName(name, named)
	if _, known := o.found[key]; known {
		o.twice++
		return
	}
	o.found[key] = v
}

// label is a JSON value as the value of a label.
func label(value any) string {
	text := ""
	switch value := value.(type) {
	case json.Number:
		text = value.String()
	case string:
		text = value
	}
	shown := ""
	for _, r := range text {
		if unicode.IsControl(r) {
			r = '\uFFFD'
		}
		shown += string(r)
	}
	if len(shown) <= 128 {
		return shown
	}
	cut := ""
	for _, r := range shown {
		if len(cut)+len(string(r)) > 125 {
			break
		}
		cut += string(r)
	}
	return cut + "…"
}

func (o *oracle) states(name, label string, state any, known []string, labels ...any) {
	for _, other := range known {
		o.add(name, other == state, append(slices.Clone(labels), label, other)...)
	}
	if state != "" && !slices.Contains(known, state.(string)) {
		o.add(name, 1, append(slices.Clone(labels), label, state)...)
	}
}

func (o *oracle) stages(answer object) {
	stages, _ := answer["stages"].([]any)
	for _, stage := range stages {
		task := stage.(object)
		o.add("orchestrator_task_info", 1, "task_id", task["task_id"], "stage", task["stage"], "work_item", task["work_item"], "repo", task["repo"], "task_ref", task["task_ref"])
	}
	for _, stage := range stages {
		task := stage.(object)
		o.add("orchestrator_task_stage_age_seconds", task["age_in_stage_s"], "task_id", task["task_id"], "stage", task["stage"])
	}
}

func (o *oracle) queue(queue object) {
	if counts, ok := queue["counts"].(object); ok {
		sums, others := map[string]float64{}, 0
		for status, jobs := range counts {
			n, _ := jobs.(json.Number).Float64()
			sums[label(status)] += n
		}
		for _, status := range slices.Sorted(maps.Keys(sums)) {
			if !slices.Contains([]string{"queued", "running", "done", "failed", "cancelled"}, status) {
				others++
			}
			if others > 32 && !slices.Contains([]string{"queued", "running", "done", "failed", "cancelled"}, status) {
				o.overmany++
				continue
			}
			o.add("orchestrator_jobs", sums[status], "status", status)
		}
	}
	o.add("orchestrator_queue_depth", queue["depth"])
	if retries, ok := queue["retries"].(object); ok {
		o.add("orchestrator_retried_jobs", retries["retried_jobs"])
		o.add("orchestrator_job_retries", retries["retries_total"])
		o.add("orchestrator_job_attempts_max", retries["max_attempts_seen"])
	}
	if breaker, ok := queue["breaker"].(object); ok {
		if state, ok := breaker["state"].(string); ok && state != "" {
			o.states("orchestrator_breaker_state", "state", state, []string{"closed", "open", "half_open"})
		}
	}
	o.add("orchestrator_worker_max_concurrency", queue["max_concurrency"])
	o.add("orchestrator_worker_poll_interval_seconds", queue["poll_interval"])
	o.add("orchestrator_worker_updated_timestamp_seconds", queue["worker_updated_at"])
}

func (o *oracle) agents(answer object) {
	perSecond, _ := answer["clk_tck"].(json.Number)
	tick, _ := perSecond.Float64()
	ticks := func(name string, value any, labels ...any) {
		if number, ok := value.(json.Number); ok && tick > 0 {
			n, _ := number.Float64()
			o.add(name, n/tick, labels...)
		}
	}
	agents, _ := answer["agents"].([]any)
	for _, agent := range agents {
		a := agent.(object)
		job := []any{"job_id", a["job_id"], "agent", a["agent"]}
		o.add("orchestrator_agent_info", 1, append(slices.Clone(job), "run_id", a["run_id"], "repo", a["repo"], "pid", a["pid"], "model", a["model"], "effort", a["effort"],
			"task_id", a["task_id"], "work_item", a["work_item"],
			"host", a["host"], "job_ref", a["job_ref"], "run_ref", a["run_ref"], "task_ref", a["task_ref"])...)
		o.add("orchestrator_agent_runtime_seconds", a["runtime_s"], job...)
		p, ok := a["process"].(object)
		if !ok {
			continue
		}
		process := append(slices.Clone(job), "pid", a["pid"])
		o.states("orchestrator_agent_process_status", "status", p["status"], []string{"ok", "gone", "zombie", "hidden", "foreign", "remote", "unsupported"}, process...)
		o.add("orchestrator_agent_start_time_seconds", p["started_at"], process...)
		o.add("orchestrator_agent_started_after_job_seconds", p["started_after_job_s"], process...)
		ticks("orchestrator_agent_cpu_seconds_total", a["cpu_ticks"], process...)
		ticks("orchestrator_agent_children_cpu_seconds_total", p["children_cpu_ticks"], process...)
		ticks("orchestrator_agent_tree_cpu_seconds", p["tree_cpu_ticks"], process...)
		o.add("orchestrator_agent_tree_processes", p["tree_processes"], process...)
		o.add("orchestrator_agent_threads", p["threads"], process...)
		o.add("orchestrator_agent_resident_memory_bytes", p["rss_bytes"], process...)
		for _, tree := range []string{"", "tree_"} {
			if number, known := p[tree+"run_ns"].(json.Number); known {
				ns, _ := number.Float64()
				o.add("orchestrator_agent_"+tree+"run_seconds", ns/1e9, process...)
			}
			o.add("orchestrator_agent_"+tree+"time_slices", p[tree+"time_slices"], process...)
			total := map[string]string{"": "_total"}[tree] // a tree's can fall
			o.add("orchestrator_agent_"+tree+"read_bytes"+total, p[tree+"read_bytes"], process...)
			o.add("orchestrator_agent_"+tree+"written_bytes"+total, p[tree+"written_bytes"], process...)
		}
	}
}

func (o *oracle) cost(cost object) {
	tokens := func(name string, figures object, labels ...any) {
		for _, kind := range []string{"input", "output", "cache_read", "cache_creation"} {
			o.add(name, figures[kind+"_tokens"], append(slices.Clone(labels), "type", kind)...)
		}
	}
	running, _ := cost["running"].([]any)
	for _, run := range running {
		r := run.(object)
		labels := []any{"job_id", r["job_id"], "agent", r["agent"], "run_id", r["run_id"]}
		o.add("orchestrator_run_cost_usd", r["cost_usd"], labels...)
		tokens("orchestrator_run_tokens", r, labels...)
	}
	if all, ok := cost["aggregate"].(object); ok {
		o.add("orchestrator_runs", all["runs"])
		o.add("orchestrator_cost_usd", all["cost_usd"])
		tokens("orchestrator_tokens", all)
	}
	models, _ := cost["by_model"].([]any)
	for _, model := range models {
		m := model.(object)
		kind := "model"
		if _, some := m["models"]; some {
			kind = "rest"
		} else if m["model"] == nil {
			kind = "unknown"
		}
		labels := []any{"model", m["model"], "kind", kind}
		o.add("orchestrator_model_runs", m["runs"], labels...)
		o.add("orchestrator_model_cost_usd", m["cost_usd"], labels...)
		tokens("orchestrator_model_tokens", m, labels...)
	}
}

func (o *oracle) service(answer object) {
	instance := answer["instance"].(object)
	o.add("orchmetrics_build_info", 1, "version", instance["version"])
	o.add("orchmetrics_start_time_seconds", instance["started_at"])
	ms, _ := answer["clock"].(object)["unix_ms"].(json.Number).Float64()
	o.add("orchmetrics_snapshot_timestamp_seconds", ms/1000)
	reports := answer["sections"].(object)
	for key, report := range reports {
		r := report.(object)
		section := []any{"section", key}
		if r["status"] != "disabled" {
			o.add("orchmetrics_section_up", r["status"] != "failed" && r["status"] != "timeout", section...)
		}
		o.states("orchmetrics_section_status", "status", r["status"], []string{"ok", "degraded", "failed", "timeout", "disabled"}, section...)
		if r["code"] != nil {
			o.add("orchmetrics_section_code", 1, "section", key, "code", r["code"])
		}
		if number, ok := r["duration_ms"].(json.Number); ok {
			n, _ := number.Float64()
			o.add("orchmetrics_section_duration_seconds", n/1000, section...)
		}
		o.add("orchmetrics_section_rows", r["rows"], section...)
		o.add("orchmetrics_section_truncated", r["truncated"], section...)
		o.add("orchmetrics_section_anomalies", r["anomalies"], section...)
		o.add("orchmetrics_section_as_of_timestamp_seconds", r["as_of"], section...)
		o.add("orchmetrics_section_recounted_timestamp_seconds", r["recounted_at"], section...)
	}
}
