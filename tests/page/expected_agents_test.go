package page

import (
	"encoding/json"
	"slices"
	"strings"
)

// agentsSection has a row for each agent of the last of the envelopes.
func agentsSection(envelopes []object) section {
	envelope := envelopes[len(envelopes)-1]
	s := section{Title: "Agents", Facts: map[string]string{}, Rows: []map[string]string{}}
	for _, agent := range list(envelope["agents"]) {
		row := map[string]string{
			"key":         plain(agent["job_id"]),
			"ticket.repo": or(plain(agent["repo"]), ""),
			"agent.agent": plain(agent["agent"]), "agent.model": or(plain(agent["model"]), "model unknown"),
			"agent.effort":    strings.TrimSuffix("effort "+plain(agent["effort"]), "effort "+unknown),
			"runtime.runtime": span(agent["runtime_s"]),
			"runtime.job":     "job " + id(agent, "job"), "runtime.run": strings.TrimSuffix("run "+id(agent, "run"), "run "+unknown),
			"state.started": apartFromJob(at(agent, "process", "started_after_job_s")),
			"state.pid":     strings.TrimSuffix("pid "+plain(agent["pid"]), "pid "+unknown),
		}
		if host := agent["host"]; host != nil {
			row["state.pid"] += " on " + plain(host)
		}
		addTicket(row, envelope, agent)
		addProcess(row, agent, envelope["clk_tck"])
		addLife(row, envelopes, agent)
		addCost(row, envelope, agent)
		s.Rows = append(s.Rows, row)
	}
	return s
}

func addTicket(row map[string]string, envelope, agent object) {
	row["ticket.work_item"], row["ticket.stage"] = plain(agent["work_item"]), ""
	for _, task := range list(envelope["stages"]) {
		if agent["task_id"] == nil || task["task_id"] != agent["task_id"] {
			continue
		}
		row["ticket.stage"] = plain(task["stage"])
		if agent["work_item"] == nil {
			row["ticket.work_item"] = plain(task["work_item"])
		}
	}
	if row["ticket.work_item"] != unknown {
		return
	}
	row["ticket.work_item"] = "no ticket"
	if _, told := agent["work_item"]; !told { // by an older service
		row["ticket.work_item"] = "job " + id(agent, "job")
	}
}

func addProcess(row map[string]string, agent object, clkTck any) {
	process := at(agent, "process")
	for part, ticks := range map[string]any{
		"own": agent["cpu_ticks"], "tree": at(process, "tree_cpu_ticks"), "children": at(process, "children_cpu_ticks"),
	} {
		row["time."+part] = ""
		if at(process, "status") == "ok" {
			row["time."+part] = part + " " + cpuTime(ticks, clkTck)
		}
	}
	row["memory.rss"], row["memory.processes"], row["memory.io"] = "", "", ""
	if at(process, "status") == "ok" {
		row["memory.rss"] = size(at(process, "rss_bytes"))
	}
	if n := at(process, "tree_processes"); n != nil {
		row["memory.processes"] = many(n, "process", "processes")
	}
	if n := at(process, "threads"); n != nil {
		row["memory.io"] = many(n, "thread", "threads")
	}
	read, written := first(process, "tree_read_bytes", "read_bytes"), first(process, "tree_written_bytes", "written_bytes")
	if read != nil || written != nil {
		row["memory.io"] = "↓" + or(size(read), "unknown") + " ↑" + or(size(written), "unknown")
	}
}

// first is the first of these values that is known.
func first(of any, keys ...string) any {
	for _, key := range keys {
		if value := at(of, key); value != nil {
			return value
		}
	}
	return nil
}

func addCost(row map[string]string, envelope, agent object) {
	runs := list(at(envelope, "cost", "running"))
	run := object{}
	if i := slices.IndexFunc(runs, func(run object) bool { return run["job_id"] == agent["job_id"] }); i >= 0 {
		run = runs[i]
	}
	row["cost.usd"] = or(dollars(run["cost_usd"]), "not reported")
	counted := func(kinds ...string) string {
		var parts []string
		for _, kind := range kinds {
			name, word, _ := strings.Cut(kind, ":")
			if run[name] != nil {
				parts = append(parts, three(run[name])+" "+word)
			}
		}
		return strings.Join(parts, " · ")
	}
	row["cost.tokens"] = counted("input_tokens:in", "output_tokens:out")
	row["cost.cache"] = counted("cache_read_tokens:cached", "cache_creation_tokens:written")
}

func apartFromJob(seconds any) string {
	switch {
	case seconds == nil:
		return ""
	case number(seconds) == 0:
		return "started with its job"
	case number(seconds) > 0:
		return "started " + span(seconds) + " after its job"
	default:
		return "started " + strings.TrimPrefix(span(seconds), "−") + " before its job"
	}
}

// addLife is what the process did between its last samples, and since its first.
func addLife(row map[string]string, envelopes []object, agent object) {
	samples := samplesOf(envelopes, agent)
	row["cpu.own"], row["cpu.tree"], row["cpu.slices"], row["cpu.scale"] = "", "", "", ""
	row["state.doing"] = doing(agent, samples)
	if len(samples) < 2 {
		return
	}
	clkTck := envelopes[len(envelopes)-1]["clk_tck"]
	last := samples[len(samples)-2:]
	row["cpu.own"] = "own " + percent(used(last, clkTck, "cpu_ticks"))
	row["cpu.tree"] = "tree " + percent(used(last, clkTck, "process", "tree_cpu_ticks"))
	if slices, known := slicesOf(last); known {
		row["cpu.slices"] = perSecond(slices/passed(last)*1000) + " slices/s"
	}
	row["cpu.scale"] = scaleOf(samples, clkTck)
}

func perSecond(rate float64) string {
	switch {
	case rate > 0 && rate < 0.1:
		return "<0.1"
	case rate < 10:
		return strings.TrimSuffix(fixed(rate, 1), ".0")
	default:
		return whole(fixed(rate, 0))
	}
}

func slicesOf(samples []object) (rise float64, known bool) {
	if rise, known := risen(samples, "process", "tree_time_slices"); known {
		return rise, true
	}
	return risen(samples, "process", "time_slices")
}

// scaleOf is the least scale that holds the curve of the last five minutes, and how
// long that is.
func scaleOf(samples []object, clkTck any) string {
	end := number(at(samples[len(samples)-1], "process", "sampled_boottime_ms"))
	from, most := end, 0.0
	for i := len(samples) - 2; i >= 0 && from > end-300_000; i-- {
		for _, keys := range [][]string{{"cpu_ticks"}, {"process", "tree_cpu_ticks"}} {
			if share, known := used(samples[i:i+2], clkTck, keys...); known {
				most = max(most, share)
			}
		}
		from = max(end-300_000, number(at(samples[i], "process", "sampled_boottime_ms")))
	}
	for _, top := range []float64{0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024} {
		if top >= most {
			return "0–" + percent(top, true) + ", " + span(json.Number(fixed((end-from)/1000, 0)))
		}
	}
	return ""
}

// samplesOf are the samples of an agent's process, as docs/contract.md says what may
// be compared.
func samplesOf(envelopes []object, agent object) []object {
	now := envelopes[len(envelopes)-1]
	start := at(agent, "process", "start_ticks")
	if at(agent, "process", "sampled_boottime_ms") == nil || start == nil || agent["pid"] == nil {
		return nil
	}
	samples := []object{agent}
	for _, earlier := range slices.Backward(envelopes[:len(envelopes)-1]) {
		if at(earlier, "clock", "boot_id") != at(now, "clock", "boot_id") || at(earlier, "instance", "id") != at(now, "instance", "id") {
			break
		}
		i := slices.IndexFunc(list(earlier["agents"]), func(a object) bool {
			return a["pid"] == agent["pid"] && at(a, "process", "start_ticks") == start
		})
		if i < 0 {
			break
		}
		before := list(earlier["agents"])[i]
		if at(before, "process", "sampled_boottime_ms") != at(samples[0], "process", "sampled_boottime_ms") {
			samples = slices.Insert(samples, 0, before)
		}
	}
	return samples
}

func passed(two []object) float64 {
	return number(at(two[1], "process", "sampled_boottime_ms")) - number(at(two[0], "process", "sampled_boottime_ms"))
}

func risen(two []object, keys ...string) (rise float64, known bool) {
	before, after := at(two[0], keys...), at(two[1], keys...)
	if before == nil || after == nil {
		return 0, false
	}
	rise = number(after) - number(before)
	return rise, rise >= 0
}

// used is the share of a core that was used between two samples.
func used(two []object, clkTck any, keys ...string) (share float64, known bool) {
	ticks, known := risen(two, keys...)
	if !known || clkTck == nil {
		return 0, false
	}
	return ticks / number(clkTck) / passed(two) * 1000, true
}

// doing is what the agent does, in words.
func doing(agent object, samples []object) string {
	process := at(agent, "process")
	status, _ := at(process, "status").(string)
	state, _ := at(process, "state").(string)
	words := map[string]string{
		"gone": "process is gone", "zombie": "ended, not waited for", "hidden": "hidden process", "foreign": "a kernel thread",
		"remote": "on another host", "unsupported": "unsupported here",
	}
	states := map[string]string{"R": "running", "S": "sleeping", "D": "waiting for a disk", "T": "stopped", "I": "idle"}
	switch {
	case agent["pid"] == nil:
		return "no process yet"
	case process == nil:
		return unknown
	case status != "ok":
		return words[status]
	case state == "D" || state == "T":
		return states[state]
	case len(samples) < 2:
		return or(states[state], "there")
	}
	last := samples[len(samples)-2:]
	own, ownKnown := risen(last, "cpu_ticks")
	all, allKnown := risen(last, "process", "tree_cpu_ticks")
	switch {
	case own > 0:
		return "working"
	case ownKnown && all > 0:
		return "waiting on its children"
	case !ownKnown || !allKnown:
		return states[state]
	}
	slices, told := slicesOf(last)
	still := stillFor(samples)
	switch {
	case slices > 0 || still == 0:
		return "waiting, wakes up"
	case told:
		return "still for " + inSeconds(still)
	default:
		return "no CPU for " + inSeconds(still)
	}
}

// inSeconds is a time of so many milliseconds in words.
func inSeconds(ms float64) string { return span(json.Number(fixed(ms/1000, 0))) }

// stillFor is for how many milliseconds no counter has moved.
func stillFor(samples []object) float64 {
	counters := func(agent object) string {
		text := plain(agent["cpu_ticks"])
		for _, key := range []string{"tree_cpu_ticks", "run_ns", "tree_run_ns", "time_slices", "tree_time_slices", "tree_read_bytes", "tree_written_bytes"} {
			text += " " + plain(at(agent, "process", key))
		}
		return text
	}
	since := samples[0]
	for i := 1; i < len(samples); i++ {
		if counters(samples[i]) != counters(samples[i-1]) {
			since = samples[i]
		}
	}
	return passed([]object{since, samples[len(samples)-1]})
}
