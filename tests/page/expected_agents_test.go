package page

import (
	"slices"
	"strings"
)

func agentsSection(envelopes []object) section {
	envelope := envelopes[len(envelopes)-1]
	s := section{Title: "Agents", Facts: map[string]string{}, Rows: []map[string]string{}}
	for _, agent := range list(envelope["agents"]) {
		process, tick := at(agent, "process"), envelope["clk_tck"]
		started := ""
		if since := at(process, "started_at"); since != nil {
			date, _, _ := strings.Cut(envelope["generated_at"].(string), "T")
			started = "since " + strings.TrimPrefix(utc(since), date+" ")
		}
		own, ownKnown := used(envelopes, agent, "cpu_ticks")
		all, allKnown := used(envelopes, agent, "process", "tree_cpu_ticks")
		s.Rows = append(s.Rows, map[string]string{
			"key": plain(agent["job_id"]), "repo": plain(agent["repo"]), "runtime_s": span(agent["runtime_s"]),
			"agent.agent": plain(agent["agent"]), "agent.model": or(plain(agent["model"]), "model unknown"),
			"agent.effort": "effort " + or(plain(agent["effort"]), "unknown"),
			"job.job_id":   plain(agent["job_id"]), "job.run_id": "run " + or(plain(agent["run_id"]), "unknown"),
			"process.status": processWords(process), "process.pid": "pid " + or(plain(agent["pid"]), "unknown"),
			"process.started_at": started, "process.started_after_job_s": apartFromJob(at(process, "started_after_job_s")),
			"cpu.own": "own " + percent(own, ownKnown), "cpu.tree": "tree " + percent(all, allKnown),
			"cpu_time.own_time":      "own " + cpuTime(agent["cpu_ticks"], tick),
			"cpu_time.tree_time":     "tree " + cpuTime(at(process, "tree_cpu_ticks"), tick),
			"cpu_time.children_time": "ended children " + cpuTime(at(process, "children_cpu_ticks"), tick),
			"memory.rss_bytes":       size(at(process, "rss_bytes")),
			"memory.threads":         sizeWords(at(process, "threads"), "thread", "threads", ""),
			"memory.tree_processes":  sizeWords(at(process, "tree_processes"), "process", "processes", " in tree"),
		})
	}
	return s
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

func sizeWords(value any, one, several, suffix string) string {
	if value == nil {
		return several + suffix + " unknown"
	}
	return many(value, one, several) + suffix
}

func processWords(process any) string {
	if process == nil {
		return unknown
	}
	word := at(process, "status").(string)
	if state, known := at(process, "state").(string); known && word == "ok" {
		word = state
	}
	return map[string]string{
		"ok": "there", "gone": "no such process", "zombie": "ended, not waited for", "hidden": "hidden from the service",
		"foreign": "a thread of the kernel, no agent", "unsupported": "not known on this platform",
		"R": "running", "S": "sleeping", "D": "waiting for a disk", "T": "stopped", "Z": "ended, not waited for", "I": "idle",
	}[word]
}

// used is the share of a core that the agent's process used between its last two
// samples, as docs/contract.md works it out.
func used(envelopes []object, agent object, keys ...string) (share float64, known bool) {
	now := envelopes[len(envelopes)-1]
	sampled, start := at(agent, "process", "sampled_boottime_ms"), at(agent, "process", "start_ticks")
	if sampled == nil || start == nil || now["clk_tck"] == nil {
		return 0, false
	}
	for _, earlier := range slices.Backward(envelopes[:len(envelopes)-1]) {
		if at(earlier, "clock", "boot_id") != at(now, "clock", "boot_id") || at(earlier, "instance", "id") != at(now, "instance", "id") {
			return 0, false
		}
		i := slices.IndexFunc(list(earlier["agents"]), func(a object) bool {
			return a["pid"] == agent["pid"] && at(a, "process", "start_ticks") == start
		})
		if i < 0 {
			return 0, false
		}
		before := list(earlier["agents"])[i]
		if at(before, "process", "sampled_boottime_ms") == sampled {
			continue // the same sample
		}
		if at(before, keys...) == nil || at(agent, keys...) == nil {
			return 0, false
		}
		ticks := number(at(agent, keys...)) - number(at(before, keys...))
		passed := number(sampled) - number(at(before, "process", "sampled_boottime_ms"))
		return ticks / number(now["clk_tck"]) / passed * 1000, ticks >= 0
	}
	return 0, false
}
