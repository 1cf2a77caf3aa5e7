package page

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What the page must show of an answer, worked out here from the JSON alone.

// expected is what is shown after these answers, the last of which is shown.
func expected(t *testing.T, bodies [][]byte) (glance map[string]string, sections map[string]section) {
	t.Helper()
	var envelopes []object
	for _, body := range bodies {
		envelopes = append(envelopes, decode(t, body))
	}
	envelope := envelopes[len(envelopes)-1]
	sections = map[string]section{
		"agents":  agentsSection(envelopes),
		"stages":  stagesSection(envelopes),
		"queue":   queueSection(envelope),
		"cost":    costSection(envelope),
		"reading": readingSection(envelope),
	}
	for key, value := range envelope {
		if _, core := sections[key]; !core && at(envelope, "sections", key) != nil {
			sections[key] = section{Title: key, Rows: tree(value), Facts: map[string]string{}}
		}
	}
	for key, s := range sections {
		if key != "reading" {
			sections[key] = read(envelope, key, s)
		}
	}
	breaker, _ := at(envelope, "queue", "breaker", "state").(string)
	if breaker == "" {
		breaker = unknown
	}
	runs := ""
	if n := at(envelope, "cost", "aggregate", "runs"); n != nil {
		runs = many(n, "run", "runs")
	}
	return map[string]string{
		"glance-agents": counted(envelope, "agents"), "glance-stages": counted(envelope, "stages"),
		"glance-depth": whole(at(envelope, "queue", "depth")), "glance-breaker": breaker,
		"glance-cost": dollars(at(envelope, "cost", "aggregate", "cost_usd")), "glance-runs": runs,
	}, sections
}

// silent tells whether a section says nothing.
func silent(envelope object, key string) bool {
	return slices.Contains([]any{"failed", "timeout", "disabled"}, at(envelope, "sections", key, "status"))
}

func counted(envelope object, key string) string {
	if silent(envelope, key) {
		return unknown
	}
	return whole(len(list(envelope[key])))
}

// read adds how the reading of a section went. Its sentences are left out.
func read(envelope object, key string, s section) section {
	report := at(envelope, "sections", key)
	s.Status = at(report, "status").(string)
	s.Reading = s.Status
	if code := at(report, "code"); code != nil && code != s.Status {
		s.Reading += " · " + code.(string)
	}
	if (key == "agents" || key == "stages") && !silent(envelope, key) {
		s.Count = whole(len(list(envelope[key])))
	}
	idle := map[string]string{"agents": "No job is running.", "stages": "No task is active."}[key]
	switch {
	case silent(envelope, key):
		s.Rows = []map[string]string{}
		s.Empty = "Nothing is known of it at this moment."
	case idle != "" && len(list(envelope[key])) == 0:
		s.Empty = idle
	}
	return s
}

func stagesSection(envelopes []object) section {
	envelope := envelopes[len(envelopes)-1]
	s := section{Title: "Tasks", Facts: map[string]string{}, Rows: []map[string]string{}}
	tasks := list(envelope["stages"])
	for _, task := range tasks {
		s.Rows = append(s.Rows, map[string]string{
			"key": plain(task["task_id"]), "task.task": id(task, "task"), "ticket.work_item": plain(task["work_item"]),
			"stage.stage": plain(task["stage"]), "repo.repo": plain(task["repo"]), "age.age": span(task["age_in_stage_s"]),
			"agents.agents": atWork(envelopes, task["task_id"]),
		})
	}
	return s
}

// id is the source's own identifier where it is no number.
func id(of object, kind string) string {
	if ref := of[kind+"_ref"]; ref != nil {
		return plain(ref)
	}
	return plain(of[kind+"_id"])
}

// atWork names who works on a task, and says what they do.
func atWork(envelopes []object, task any) string {
	var names []string
	for _, agent := range list(envelopes[len(envelopes)-1]["agents"]) {
		if agent["task_id"] != nil && agent["task_id"] == task {
			names = append(names, or(plain(agent["agent"]), "agent")+": "+or(doing(agent, samplesOf(envelopes, agent)), "unknown"))
		}
	}
	return strings.Join(names, ", ")
}

func queueSection(envelope object) section {
	queue := at(envelope, "queue")
	facts := map[string]string{}
	if at(queue, "counts") == nil && at(queue, "retries") == nil {
		facts["counts"] = unknown
	} else {
		for _, name := range []string{"retried_jobs", "retries_total", "max_attempts_seen"} {
			facts["retries."+name] = whole(at(queue, "retries", name))
		}
		counts, _ := at(queue, "counts").(object)
		if counts == nil {
			facts["counts.queued"] = unknown
		}
		for status, jobs := range counts {
			facts["counts."+status] = whole(jobs)
		}
	}
	rows := []map[string]string{}
	if breaker := at(queue, "breaker"); breaker != nil {
		rows = tree(breaker)
	}
	if at(queue, "breaker") != nil || at(queue, "max_concurrency") != nil || at(queue, "poll_interval") != nil || at(queue, "worker_updated_at") != nil {
		facts["max_concurrency"] = whole(at(queue, "max_concurrency"))
		facts["worker_updated_at"] = before(envelope, at(queue, "worker_updated_at"))
		facts["poll_interval"] = unknown
		if interval := at(queue, "poll_interval"); interval != nil {
			facts["poll_interval"] = plain(interval) + " s"
		}
	}
	return section{Title: "Queue", Facts: facts, Rows: rows}
}

var tokens = []string{"input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens"}

func costSection(envelope object) section {
	total := at(envelope, "cost", "aggregate")
	s := section{Title: "Cost", Rows: []map[string]string{}, Facts: map[string]string{
		"aggregate.runs": whole(at(total, "runs")), "aggregate.cost_usd": dollars(at(total, "cost_usd")),
	}}
	for _, kind := range tokens {
		s.Facts["aggregate."+kind] = whole(at(total, kind))
	}
	for _, model := range list(at(envelope, "cost", "by_model")) {
		name := plain(model["model"])
		key := pathKey([]any{model["model"], nil})
		if model["models"] != nil {
			name, key = many(model["models"], "other model", "other models"), pathKey([]any{nil, model["models"]})
		}
		row := map[string]string{"key": key, "model": name, "runs": whole(model["runs"]), "cost_usd": dollars(model["cost_usd"])}
		for _, kind := range tokens {
			row[kind] = whole(model[kind])
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}

// pathKey is a list as JSON, as a browser writes it.
func pathKey(path any) string {
	var key strings.Builder
	encoder := json.NewEncoder(&key)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(path)
	return strings.TrimSpace(key.String())
}

// tree has a row for each value in a value.
func tree(value any) []map[string]string {
	rows := []map[string]string{}
	var add func(value any, path []string)
	leaf := func(path []string, name string, value any) {
		text := plain(value)
		switch inner := value.(type) {
		case object:
			text = map[bool]string{true: "empty"}[len(inner) == 0]
		case []any:
			text = map[bool]string{true: "empty list"}[len(inner) == 0]
		}
		rows = append(rows, map[string]string{"key": pathKey(path), "name": name, "value": text})
		add(value, path)
	}
	add = func(value any, path []string) {
		switch inner := value.(type) {
		case object:
			for key, child := range inner {
				leaf(append(slices.Clone(path), key), key, child)
			}
		case []any:
			for i, child := range inner {
				leaf(append(slices.Clone(path), strconv.Itoa(i)), strconv.Itoa(i+1)+".", child)
			}
		}
	}
	switch value.(type) {
	case object, []any:
		add(value, nil)
	default:
		leaf([]string{}, "value", value)
	}
	return rows
}

func readingSection(envelope object) section {
	rows := []map[string]string{}
	reports, _ := envelope["sections"].(object)
	for key, report := range reports {
		took := number(at(report, "duration_ms"))
		row := map[string]string{
			"key": key, "status": plain(at(report, "status")), "code": or(plain(at(report, "code")), ""),
			"rows": or(whole(at(report, "rows")), "–"), "anomalies": whole(at(report, "anomalies")),
			"truncated": map[any]string{true: "yes", false: "no"}[at(report, "truncated")],
			"as_of":     or(utc(at(report, "as_of")), map[bool]string{true: "–", false: "this answer"}[silent(envelope, key)]), "recounted_at": or(before(envelope, at(report, "recounted_at")), "–"),
		}
		switch {
		case took > 0 && took < 0.05:
			row["duration_ms"] = "under 0.1 ms"
		case took < 10:
			row["duration_ms"] = fixed(took, 1) + " ms"
		default:
			row["duration_ms"] = whole(fixed(took, 0)) + " ms"
		}
		rows = append(rows, row)
	}
	return section{Title: "How the reading went", Rows: rows, Facts: map[string]string{
		"generated_at": utc(envelope["generated_at"]), "instance.version": plain(at(envelope, "instance", "version")),
		"instance.started_at": before(envelope, at(envelope, "instance", "started_at")), "instance.id": plain(at(envelope, "instance", "id")),
		"clock.boot_id": plain(at(envelope, "clock", "boot_id")), "clk_tck": whole(envelope["clk_tck"]), "schema_version": "1",
	}}
}
