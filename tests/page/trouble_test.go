package page

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPage_TroubleIsSeen: what is known to be broken is seen in the header, in the
// tab's title, above everything with what to do, and at its row; "Live" is only said
// if nothing is.
func TestPage_TroubleIsSeen(t *testing.T) {
	t.Parallel()
	broken := func(status string) func(object) {
		return func(envelope object) {
			process := agentAt(envelope, 0)["process"].(object)
			process["status"], process["state"], process["start_ticks"], process["sampled_boottime_ms"] = status, nil, nil, nil
		}
	}
	read := func(key, status string, code any) func(object) {
		return func(envelope object) {
			report := envelope["sections"].(object)[key].(object)
			report["status"], report["code"] = status, code
		}
	}
	tests := []struct {
		name string
		edit func(object)
		want string
		row  string
	}{
		{"gone", broken("gone"), "developer · ORCH-1000 · job 1: process is gone | The job says that it is running, but there is no such process: did it crash, or does it run elsewhere?", "process is gone"},
		{"zombie", broken("zombie"), "developer · ORCH-1000 · job 1: ended, not waited for | The worker has not taken notice of its end.", "ended, not waited for"},
		{"hidden", broken("hidden"), "developer · ORCH-1000 · job 1: hidden process | Run the service as the agents’ user, or without hidepid.", "hidden process"},
		{"foreign", broken("foreign"), "developer · ORCH-1000 · job 1: a kernel thread | The pid is not that of an agent: does it count in another pid namespace?", "a kernel thread"},
		{"remote", broken("remote"), "", "on another host"},
		{"unsupported", broken("unsupported"), "", "unsupported here"},
		{"breaker", func(e object) { e["queue"].(object)["breaker"] = object{"state": "half_open"} }, "The worker’s circuit breaker is half_open | The worker starts fewer jobs, or none, until it closes.", ""},
		{"Closed", func(e object) { e["queue"].(object)["breaker"] = object{"state": "CLOSED"} }, "", ""},
		{"no breaker", func(e object) { e["queue"].(object)["breaker"] = nil }, "", ""},
		{"degraded", read("cost", "degraded", "recounting"), "Cost: part of it is missing: rows that had ended have changed; sums are possibly wrong, and being read again | Wait: it passes by itself.", ""},
		{"failed", read("stages", "failed", "db_missing"), "Tasks: it could not be read: there is no database where it is looked for | Set ORCH_DB to the orchestrator’s database, or start the orchestrator; the page finds it by itself.", ""},
		{"timeout", read("queue", "timeout", "timeout"), "Queue: there was no answer within the time that a section has | If it stays: is the disk slow, or a large table without an index?", ""},
		{"new code", read("queue", "failed", "something_new"), "Queue: it could not be read: the service’s documentation has this code | api doctor, run as the service is, says more.", ""},
		{"disabled", read("cost", "disabled", nil), "", ""},
		{"drop-in", func(e object) {
			e["sections"].(object)["constructor.json"] = object{"status": "failed", "code": "key_refused", "duration_ms": 0, "rows": nil, "truncated": false, "anomalies": 0}
		}, "constructor.json: it could not be read: the file’s name is no key, or the key of another section | Rename the file.", ""},
	}
	b := newTab(t)
	service := edited(t, "busy", func(step int, envelope object) {
		multiply(t, envelope, step, 4, 10)
		if step%2 == 1 { // every other answer is well
			tests[step/2].edit(envelope)
		}
	})
	b.open(service.URL)
	for _, test := range tests {
		well := b.shown()
		require.Equal(t, []any{"Live", "live", "orchmetrics", 0}, []any{well.Words, well.State, well.Title, len(well.Troubles)}, "before "+test.name)
		ill := b.next()
		if test.row != "" {
			assert.Equal(t, test.row, ill.Sections["agents"].Rows[0]["state.doing"])
		}
		if test.want == "" {
			assert.Equal(t, "Live", ill.Words, test.name)
			assert.Empty(t, ill.Troubles, test.name)
			b.next()
			continue
		}
		assert.Equal(t, []any{"1 problem", "trouble", "▲ 1 problem · orchmetrics"}, []any{ill.Words, ill.State, ill.Title})
		assert.Equal(t, []string{test.want}, ill.Troubles)
		assert.Contains(t, eval[string](b, `getComputedStyle(document.getElementById('state'), '::before').content`), "▲", "a shape, not a colour alone")
		if test.row != "" {
			assert.Contains(t, eval[string](b, `getComputedStyle(document.querySelector('.agents [data-kind="trouble"] [data-part="doing"]'), '::before').content`), "▲")
		}
		b.next()
	}
	b.requireQuiet(service.URL)
}

// TestPage_WithoutADatabase: one cause is one trouble, and what to do is said once.
func TestPage_WithoutADatabase(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	service := edited(t, "database-gone", func(_ int, envelope object) {
		for _, key := range []string{"stages", "queue", "agents", "cost"} {
			report := envelope["sections"].(object)[key].(object)
			report["status"], report["code"] = "failed", "db_missing"
		}
		envelope["stages"], envelope["agents"], envelope["queue"], envelope["cost"] = []any{}, []any{}, nil, nil
	})
	got := b.open(service.URL)
	require.Len(t, got.Troubles, 1)
	assert.Contains(t, got.Troubles[0], "Agents")
	assert.Contains(t, got.Troubles[0], "Tasks")
	assert.Contains(t, got.Troubles[0], "Set ORCH_DB")
	assert.NotContains(t, got.Troubles[0], "/")
	assert.Equal(t, "Nothing is known of it at this moment.", got.Sections["agents"].Empty)
	b.requireFits("without-database")
	b.requireQuiet(service.URL)
}

// TestPage_ManyAreInTrouble: the first are named, the others counted; the state finds
// them all.
func TestPage_ManyAreInTrouble(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	service := edited(t, "busy", func(step int, envelope object) {
		multiply(t, envelope, step, 60, 300)
		for i := range 40 {
			agentAt(envelope, i)["process"].(object)["status"] = "gone"
		}
	})
	got := b.open(service.URL)
	assert.Len(t, got.Troubles, 6)
	assert.Equal(t, "35 more agents in trouble | ", got.Troubles[5])
	b.do(`(() => { const select = document.getElementById('filter-state'); select.value = 'trouble'; select.dispatchEvent(new Event('change')); })()`)
	assert.Equal(t, "40 of 60", b.shown().Sections["agents"].Count)
}
