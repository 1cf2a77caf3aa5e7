package top

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type object = map[string]any

// answerOf is an answer with these agents, sampled at this time.
func answerOf(t require.TestingT, atMS int, agents ...object) []byte {
	for i, a := range agents {
		if process, there := a["process"].(object); there {
			process["sampled_boottime_ms"] = atMS
		}
		if a["job_id"] == nil {
			a["job_id"] = i + 1
		}
	}
	body, err := json.Marshal(object{
		"schema_version": 1, "generated_at": "2026-06-01T12:00:00Z", "clk_tck": 100, "agents": agents,
		"stages": []object{{"task_id": 7, "work_item": "ORCH-7", "stage": "review", "age_in_stage_s": 5}, {"task_id": 9, "work_item": "ORCH-9", "stage": "analysis"}},
		"queue":  object{"depth": 3, "breaker": object{"state": "closed"}}, "cost": object{"running": []object{{"job_id": 1, "cost_usd": 0.5}}, "aggregate": object{"runs": 1234, "cost_usd": 12.345}},
		"instance": object{"id": "i"}, "clock": object{"boot_id": "b"}, "sections": object{"agents": object{"status": "ok", "code": nil}},
	})
	require.NoError(t, err)
	return body
}

func worker(own, tree any, more object) object {
	process := object{"status": "ok", "state": "S", "start_ticks": 1, "tree_cpu_ticks": tree, "rss_bytes": 32 << 20}
	maps.Copy(process, more)
	return object{"agent": "developer", "pid": 42, "cpu_ticks": own, "runtime_s": 75, "task_id": 7, "process": process}
}

// shownAfter is a model that has had these answers.
func shownAfter(bodies ...[]byte) *model {
	m := &model{ctx: context.Background(), opts: Options{Every: time.Second, Of: "here"}, width: 80, height: 24}
	for _, body := range bodies {
		m.Update(answer{body: body, at: time.Now()})
	}
	return m
}

func (m *model) press(keys ...string) {
	for _, key := range keys {
		code := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "backspace": tea.KeyBackspace, "end": tea.KeyEnd, "home": tea.KeyHome}[key]
		if code == 0 {
			m.Update(tea.KeyPressMsg{Code: []rune(key)[0], Text: key})
			continue
		}
		m.Update(tea.KeyPressMsg{Code: code})
	}
}

func (m *model) text() string { return ansi.Strip(strings.Join(m.lines(), "\n")) }

func tickets(m *model) []string {
	var all []string
	for _, r := range m.shown() {
		all = append(all, r.ticket)
	}
	return all
}

func TestDoing(t *testing.T) {
	t.Parallel()
	slices := func(n int) object { return object{"time_slices": n, "tree_time_slices": n} }
	for want, steps := range map[string][]object{
		"○ sleeping":         {worker(0, 0, nil)},
		"▶ working":          {worker(0, 0, nil), worker(1, 1, nil)},
		"◆ on its children":  {worker(0, 0, nil), worker(0, 5, nil)},
		"■ no CPU for 2s":    {worker(0, 0, nil), worker(0, 0, nil)},
		"■ no CPU for 4s":    {worker(0, 0, nil), worker(1, 1, nil), worker(1, 1, nil), worker(1, 1, nil)},
		"■ still for 2s":     {worker(0, 0, slices(5)), worker(0, 0, slices(5))},
		"◔ wakes up":         {worker(0, 0, slices(5)), worker(0, 0, slices(15))},
		"○ waits for a disk": {worker(0, 0, nil), worker(0, 0, object{"state": "D"})},
		"▲ process is gone":  {worker(0, 0, nil), worker(nil, nil, object{"status": "gone", "state": nil})},
		"▲ not waited for":   {worker(0, 0, object{"status": "zombie", "state": "Z"})},
		"▲ hidden process":   {worker(0, 0, object{"status": "hidden"})},
		"▲ a kernel thread":  {worker(0, 0, object{"status": "foreign"})},
		"○ on another host":  {worker(0, 0, object{"status": "remote"})},
		"○ no process yet":   {{"pid": nil, "process": nil}},
		"○ unknown":          {{"pid": 5, "process": nil}},
		"○ running":          {worker(9, 9, nil), worker(1, 1, object{"state": "R"})}, // a counter fell
	} {
		var bodies [][]byte
		for i, step := range steps {
			bodies = append(bodies, answerOf(t, 2000*i, step))
		}
		m := shownAfter(bodies...)
		assert.Equal(t, want, m.rows[0].doing.shape+" "+m.rows[0].doing.words)
		assert.Equal(t, strings.HasPrefix(want, "▲"), strings.Contains(m.text(), "1 problem"))
	}
}

// TestShares: jobs of one process show what one process uses, each; another process
// with its pid is not measured against it.
func TestShares(t *testing.T) {
	t.Parallel()
	m := shownAfter(answerOf(t, 0, worker(0, 0, nil), worker(0, 0, nil)), answerOf(t, 2000, worker(100, 300, nil), worker(100, 300, nil)))
	for _, r := range m.rows {
		assert.InDelta(t, 0.5, *r.own, 1e-9)
		assert.InDelta(t, 1.5, *r.tree, 1e-9)
	}
	m = shownAfter(answerOf(t, 0, worker(0, 0, nil)), answerOf(t, 2000, worker(100, 300, object{"start_ticks": 2})))
	assert.Nil(t, m.rows[0].own)
	assert.Equal(t, "████▒▒▒▒", bars(row{own: new(0.5), tree: new(1.5)}))
	assert.Equal(t, "········", bars(row{}))
}

func TestView(t *testing.T) {
	t.Parallel()
	m := shownAfter(answerOf(t, 0, worker(0, 0, nil)), answerOf(t, 2000, worker(100, 100, nil)))
	assert.Equal(t, strings.Join([]string{
		"● live  12:00:00 UTC  here",
		"agents 1 · tasks 2 · queued 3 · breaker closed · cost $12.35 in 1,234 runs",
		"analysis 1  review 1",
		"",
		"TICKET       AGENT      STATE                  TIME CPU       TREE   MEM    COST",
		"ORCH-7       developer  ▶ working             1m15s ████····   50%   32M   $0.50",
	}, "\n"), strings.Join(strings.Split(m.text(), "\n")[:6], "\n"))
	m.Update(answer{err: errors.New("refused\n\x1b[2J"), at: time.Now()})
	assert.Regexp(t, `^✕ no answer for \d+s: refused\x{FFFD}\x{FFFD}\[2J`, m.text())
	assert.Contains(t, m.text(), "ORCH-7", "what was known stays")
	m.Update(answer{body: []byte(`{"schema_version":1,"enabled":false}`), at: time.Now()})
	assert.Contains(t, m.text(), "The service is switched off")
	m.Update(answer{body: []byte(`{"schema_version":2}`), at: time.Now()})
	assert.Contains(t, m.text(), "no answer of the metrics service: schema_version is 2, not 1")
	failed := []byte(`{"schema_version":1,"agents":[],"stages":[],"sections":{"agents":{"status":"failed","code":"db_missing"},"stages":{"status":"failed","code":"db_missing"}}}`)
	m = shownAfter(failed)
	assert.Contains(t, m.text(), "▲ agents, stages: failed, db_missing")
	assert.Contains(t, m.text(), "agents unknown · tasks unknown", "not idle")
	assert.Contains(t, m.text(), "Nothing is known of the agents")
}

func TestKeys(t *testing.T) {
	t.Parallel()
	many := func(step int) []byte {
		var agents []object
		for i := range 100 {
			a := worker(i*step, i*step, object{"start_ticks": i})
			a["task_id"], a["work_item"], a["pid"], a["runtime_s"] = nil, fmt.Sprintf("T-%d", i+1), i+1, 1000-i
			if i == 50 {
				a["process"] = nil
			}
			agents = append(agents, a)
		}
		return answerOf(t, 2000*step, agents...)
	}
	m := shownAfter(many(0), many(1))
	assert.Equal(t, "T-1", tickets(m)[0], "as they come")
	m.press("s")
	assert.Equal(t, []string{"T-100", "T-51"}, []string{tickets(m)[0], tickets(m)[99]}, "by CPU; what is unknown is last")
	m.press("r")
	assert.Equal(t, []string{"T-1", "T-51"}, []string{tickets(m)[0], tickets(m)[99]})
	m.press("s")
	assert.Equal(t, "T-1", tickets(m)[0], "the longest first")
	m.press("S", "S", "end")
	assert.Contains(t, m.text(), "T-100 ")
	m.press("home", "/", "t", "-", "9", "9", "enter")
	assert.Equal(t, []string{"T-99"}, tickets(m))
	assert.Contains(t, m.text(), "Esc: show all, not only t-99")
	m.press("/", "backspace", "enter")
	assert.Len(t, tickets(m), 11)
	m.press("esc", "?")
	assert.Contains(t, m.text(), "order by the next column")
	m.press("esc", "p")
	assert.Contains(t, m.text(), "‖ paused")
	assert.Len(t, tickets(m), 100)
}

// TestView_AnySize: whatever is shown on a screen of any size, it has as many lines as
// that, none is wider, and no text moves the cursor.
func TestView_AnySize(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var agents []object
		for range rapid.IntRange(0, 40).Draw(t, "agents") {
			a := worker(rapid.IntRange(0, 1000).Draw(t, "own"), rapid.IntRange(0, 1000).Draw(t, "tree"), object{
				"status": rapid.SampledFrom([]string{"ok", "gone", "zombie", "new\x1b[2J"}).Draw(t, "status"), "state": rapid.String().Draw(t, "state"),
			})
			a["work_item"], a["agent"], a["model"], a["runtime_s"] = rapid.String().Draw(t, "ticket"), rapid.String().Draw(t, "agent"), "\u202e", rapid.Int64().Draw(t, "runtime")
			agents = append(agents, a)
		}
		m := shownAfter(answerOf(t, 0, agents...), answerOf(t, 2000, agents...))
		m.Update(tea.WindowSizeMsg{Width: rapid.IntRange(1, 220).Draw(t, "width"), Height: rapid.IntRange(1, 60).Draw(t, "height")})
		m.press(rapid.SliceOfN(rapid.SampledFrom([]string{"s", "S", "r", "/", "x", "enter", "esc", "end", "home", "j", "k", "?", "p"}), 0, 12).Draw(t, "keys")...)
		lines := m.lines()
		require.Len(t, lines, m.height)
		for _, line := range lines {
			require.LessOrEqual(t, ansi.StringWidth(line), m.width, "%q", line)
			for _, letter := range ansi.Strip(line) {
				require.True(t, unicode.IsPrint(letter), "%q", line)
			}
		}
	})
}

// TestRefs: an agent is on the ticket of its task, else on the task, else it is its job:
// each by the orchestrator's own id, if that is no number.
func TestRefs(t *testing.T) {
	t.Parallel()
	agents := []object{
		{"job_id": 11, "job_ref": "run-a", "task_ref": "t_3f", "work_item": "ORCH-1"},
		{"job_id": 12, "job_ref": "run-b", "task_ref": "t_4e"},
		{"job_id": 13, "job_ref": "run-c"},
		{"job_id": 14},
	}
	m := shownAfter(answerOf(t, 0, agents...))
	assert.Equal(t, []string{"ORCH-1", "t_4e", "job run-c", "job 14"}, tickets(m))
	assert.Len(t, matching(m.rows, "run-b"), 1)
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for count, want := range map[int64]string{0: "0", 999: "999", 1234: "1.2k", 12_345_678: "12.3M", math.MaxInt64: "9223372.0T"} {
		assert.Equal(t, want, tokens(row{tokens: &count}))
	}
	assert.Equal(t, "–", tokens(row{}))
}
