package page

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestActivity: what an agent does, told from its counters alone. What a newer service
// says besides makes it plainer, and nothing of it is needed.
func TestActivity(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.open(serve(t, recorded(t, "idle")).URL)
	b.do(`Promise.all([import('./page/cpu.js'), import('./page/activity.js')]).then(([{ History }, { activity }]) => {
		window.says = (state, ...steps) => {
			const history = new History();
			let agent;
			steps.forEach(([own, tree, more], i) => {
				agent = { pid: 7, cpu_ticks: own, process: { status: 'ok', state, start_ticks: 1, sampled_boottime_ms: 2000 * i, tree_cpu_ticks: tree, ...more } };
				history.record({ clk_tck: 100, clock: { boot_id: 'b', boottime_ms: 2000 * i }, instance: { id: 'i' } }, [agent]);
			});
			const { kind, words } = activity(agent, history.last(agent));
			return kind + ': ' + words;
		};
		window.slices = (n) => ({ time_slices: n, tree_time_slices: n });
	})`)
	for script, want := range evalAll(b, map[string]string{
		`says('S', [0, 0])`:                                "other: sleeping", // nothing to compare with
		`says('R', [0, 0])`:                                "other: running",
		`says('S', [0, 0], [1, 1])`:                        "works: working",
		`says('S', [0, 0], [0, 9])`:                        "children: waiting on its children",
		`says('S', [0, 0], [0, 0])`:                        "still: no CPU for 2 s",
		`says('S', [0, 0], [1, 1], [1, 1], [1, 1])`:        "still: no CPU for 4 s",
		`says('S', [0, 0, slices(5)], [0, 0, slices(15)])`: "waits: waiting, wakes up",
		`says('S', [0, 0, slices(5)], [0, 0, slices(5)])`:  "still: still for 2 s",
		`says('S', [0, 0, slices(1)], [0, 0, slices(5)], [0, 0, slices(5)], [0, 0, slices(5)])`:                       "still: still for 4 s",
		`says('S', [0, 0, { time_slices: 5, tree_time_slices: 5 }], [0, 0, { time_slices: 5, tree_time_slices: 6 }])`: "waits: waiting, wakes up",
		`says('S', [0, 0, { ...slices(5), tree_read_bytes: 1 }], [0, 0, { ...slices(5), tree_read_bytes: 2 }])`:       "waits: waiting, wakes up",
		`says('S', [0, 0, slices(9)], [0, 0, slices(5)])`:                                                             "waits: waiting, wakes up", // a thread ended: unknown
		`says('D', [0, 0], [0, 0])`:       "other: waiting for a disk",
		`says('T', [0, 0], [9, 9])`:       "other: stopped",
		`says('S', [5, 5], [4, 4])`:       "other: sleeping",
		`says('S', [0, null], [0, null])`: "other: sleeping", // of its tree nothing is known
		`says(null, [0, 0])`:              "other: there",
		`says('__proto__', [0, 0])`:       "other: state __proto__",
	}) {
		assert.Equal(t, want.want, want.got, script)
	}
}

// TestPage_NewFields: the ticket and host of an agent, the signs of life, the costs by
// model and the source's own ids, of a service that tells them.
func TestPage_NewFields(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	service := edited(t, "busy", func(step int, envelope object) {
		task := envelope["stages"].([]any)[0].(object)
		task["task_ref"] = "0190a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b"
		for i := range envelope["agents"].([]any) {
			agent := agentAt(envelope, i)
			agent["host"], agent["job_ref"], agent["run_ref"] = "build-7.example.org", "job-"+plain(i), nil
			agent["task_id"], agent["work_item"] = task["task_id"], task["work_item"]
			if process, there := agent["process"].(object); there {
				process["time_slices"], process["tree_time_slices"] = json.Number(plain(100+step)), json.Number(plain(100+step))
				process["read_bytes"], process["tree_read_bytes"] = json.Number("1024"), json.Number("1048576")
				process["written_bytes"], process["tree_written_bytes"] = nil, json.Number("5")
			}
		}
		envelope["cost"].(object)["by_model"] = []any{
			object{"model": "claude-opus-4-8", "runs": json.Number("10"), "cost_usd": json.Number("12.5"), "input_tokens": json.Number("1"), "output_tokens": json.Number("2"), "cache_read_tokens": json.Number("3"), "cache_creation_tokens": json.Number("4")},
			object{"model": nil, "runs": json.Number("3"), "cost_usd": json.Number("0.004"), "input_tokens": nil, "output_tokens": json.Number("2"), "cache_read_tokens": json.Number("3"), "cache_creation_tokens": json.Number("4")},
			object{"model": nil, "models": json.Number("7"), "runs": json.Number("9"), "cost_usd": nil, "input_tokens": json.Number("1"), "output_tokens": json.Number("2"), "cache_read_tokens": json.Number("3"), "cache_creation_tokens": json.Number("4")},
		}
	})
	got := b.open(service.URL)
	requireShown(t, service.answers(got.Answers), got)
	got = b.next()
	requireShown(t, service.answers(got.Answers), got)
	assert.Equal(t, []string{"claude-opus-4-8", unknown, "7 other models"}, column(got.Sections["cost"], "model"))
	b.photograph("new-fields")
	b.requireQuiet(service.URL)
}

// TestPage_JobsOfOneProcess: jobs that have one pid show what one process uses, each,
// and not the sum.
func TestPage_JobsOfOneProcess(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	const jobs = 60
	service := edited(t, "busy", func(step int, envelope object) {
		multiply(t, envelope, step, jobs, jobs)
		for i := range jobs {
			agent, process := agentAt(envelope, i), agentAt(envelope, i)["process"].(object)
			sampled := number(at(envelope, "clock", "boottime_ms")) + float64(i) // a moment apart
			agent["pid"], process["start_ticks"], process["sampled_boottime_ms"] = 4242, 7, sampled
			agent["cpu_ticks"], process["tree_cpu_ticks"] = sampled/10, sampled/10 // one core, all the time
		}
	})
	b.open(service.URL)
	for range 3 {
		got := b.next()
		for _, row := range got.Sections["agents"].Rows {
			require.Equal(t, "tree 100 %", row["cpu.tree"])
		}
	}
}

// TestPage_EndedAgentsLinger: who has just ended stays where it was, in grey, for three
// answers, and does not count.
func TestPage_EndedAgentsLinger(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	service := edited(t, "busy", func(step int, envelope object) {
		multiply(t, envelope, step, 5, 10)
		if step >= 1 {
			envelope["agents"] = slices.Delete(envelope["agents"].([]any), 1, 3)
		}
	})
	b.open(service.URL)
	height := eval[float64](b, `document.querySelector('#section-stages').getBoundingClientRect().top`)
	for i := range 3 {
		agents := b.next().Sections["agents"]
		assert.Equal(t, []string{"1", "2", "3", "4", "5"}, column(agents, "key"), i)
		assert.Equal(t, []string{"", "yes", "yes", "", ""}, column(agents, "ended"), i)
		assert.Equal(t, "ended", agents.Rows[1]["state.doing"])
		assert.Equal(t, "3", agents.Count)
	}
	agents := b.next().Sections["agents"]
	assert.Equal(t, []string{"1", "4", "5"}, column(agents, "key"))
	assert.InDelta(t, height, eval[float64](b, `document.querySelector('#section-stages').getBoundingClientRect().top`), 1, "what is below has not moved")
}

// TestPage_LocalTimeOnHover, whereas what is shown is in UTC.
func TestPage_LocalTimeOnHover(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.zone("Asia/Tokyo")
	b.open(edited(t, "busy", func(_ int, envelope object) { envelope["generated_at"] = "2026-06-01T12:00:00Z" }).URL)
	assert.Equal(t, "2026-06-01 12:00:00 UTC", eval[string](b, `document.getElementById('generated').textContent`))
	assert.Regexp(t, `June 1, 2026 at 9:00:00.PM .*\(your time\)`, eval[string](b, `document.getElementById('generated').title`))
}
