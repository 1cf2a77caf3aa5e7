package page

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
)

// choose sets a control as a reader does.
func (b *tab) choose(id, value, event string) {
	b.t.Helper()
	b.do(`(() => { const node = document.getElementById('` + id + `'); node.value = '` + value + `'; node.dispatchEvent(new Event('` + event + `')); })()`)
}

func address(b *tab) string { return eval[string](b, `location.search + location.hash`) }

// TestPage_Finds: by words and by each field, in both lists, all of it in the address,
// which shows the same to whoever opens it.
func TestPage_Finds(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	service := edited(t, "busy", func(step int, envelope object) {
		multiply(t, envelope, step, 12, 30)
		agentAt(envelope, 3)["model"] = "claude-haiku-4-5"
		agentAt(envelope, 4)["process"].(object)["status"] = "gone"
	})
	keys := func() [2][]string {
		s := b.shown()
		return [2][]string{column(s.Sections["agents"], "key"), column(s.Sections["stages"], "ticket.work_item")}
	}
	b.open(service.URL)
	whole := keys()
	require.Len(t, whole[0], 12)

	b.choose("search", "orch-1003 DEVELOPER", "input")
	assert.Equal(t, [2][]string{{"4"}, {"ORCH-1003"}}, keys(), "all words, in any case")
	assert.Equal(t, "?q=orch-1003+DEVELOPER", address(b))
	b.choose("search", "no such thing", "input")
	none := b.shown().Sections
	assert.Equal(t, []string{"0 of 12", "None is what is looked for."}, []string{none["agents"].Count, none["agents"].Empty})
	b.choose("search", "10004", "input")
	assert.Equal(t, []string{"5"}, keys()[0], "by pid")
	b.do(`document.getElementById('clear').click()`)
	assert.Equal(t, whole, keys())
	assert.Empty(t, address(b))

	b.choose("filter-agent", "reviewer", "change")
	assert.Equal(t, [2][]string{{"2", "5", "8", "11"}, {"ORCH-1004", "ORCH-1001", "ORCH-1010", "ORCH-1007"}}, keys(), "tasks whose agent is one")
	b.choose("filter-repo", "web-shop", "change")
	assert.Empty(t, keys()[0], "of the agents none: their repo is another")
	b.choose("filter-repo", "", "change")
	b.choose("filter-state", "trouble", "change")
	assert.Equal(t, [2][]string{{"5"}, {"ORCH-1004"}}, keys())
	b.do(`document.getElementById('clear').click()`)
	b.choose("filter-model", "claude-haiku-4-5", "change")
	assert.Equal(t, []string{"4"}, keys()[0])
	b.do(`document.getElementById('clear').click()`)
	b.do(`document.querySelector('.stages li[data-key="review"] button').click()`)
	assert.Equal(t, "?stage=review", address(b))
	review := keys()
	assert.Len(t, review[1], 6)
	b.next()
	assert.Equal(t, review, keys(), "it stays so at the next answer")

	again := newTab(t)
	again.open(service.URL + "/?stage=review&agents=-cpu#section-stages")
	s := again.shown()
	assert.Equal(t, review[1], column(s.Sections["stages"], "ticket.work_item"))
	assert.Equal(t, "review", eval[string](again, `document.getElementById('filter-stage').value`))
	assert.Equal(t, "?stage=review&agents=-cpu#section-stages", address(again))
	again.requireQuiet(service.URL)
}

// TestPage_Orders: by each column, both ways and back; what is unknown comes last.
func TestPage_Orders(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	service := edited(t, "busy", func(step int, envelope object) {
		multiply(t, envelope, step, 12, 30)
		agentAt(envelope, 0)["work_item"], agentAt(envelope, 0)["task_id"] = "ORCH-99", nil
		agentAt(envelope, 1)["runtime_s"] = nil
	})
	b.open(service.URL)
	b.next()
	press := func(section, title string) []string {
		b.do(`[...document.querySelectorAll('#section-` + section + ` .order')].find((button) => button.textContent === '` + title + `').click()`)
		return column(b.shown().Sections[section], "key")
	}
	asTheyCome := column(b.shown().Sections["agents"], "key")
	assert.Equal(t, []string{"1", "2", "3", "4"}, press("agents", "Ticket")[:4], "ORCH-99 is before ORCH-1001")
	assert.Equal(t, "?agents=ticket", address(b))
	assert.Equal(t, "1", press("agents", "Ticket")[11])
	assert.Equal(t, asTheyCome, press("agents", "Ticket"))
	assert.Equal(t, []string{"12", "11", "10"}, press("agents", "Runtime")[:3], "the longest first")
	assert.Equal(t, "descending", eval[string](b, `document.querySelector('#section-agents th.of-runtime').getAttribute('aria-sort')`))
	assert.Equal(t, "2", column(b.shown().Sections["agents"], "key")[11])
	shortest := press("agents", "Runtime")
	assert.Equal(t, []string{"1", "3", "2"}, []string{shortest[0], shortest[1], shortest[11]}, "unknown is last either way")
	assert.Equal(t, []string{"12", "11"}, press("agents", "CPU now")[:2])
	assert.Equal(t, []string{"12", "11"}, press("agents", "Cost")[:2])
	assert.Equal(t, []string{"1", "2"}, press("stages", "Task")[:2])
	assert.Equal(t, "?agents=-cost&tasks=task", address(b))
	for _, list := range []string{"agents", "stages"} { // each column has an order
		assert.True(t, eval[bool](b, `[...document.querySelectorAll('#section-`+list+` thead .order')].every((button) => {
			button.click();
			return button.parentElement.hasAttribute('aria-sort');
		})`))
	}
	b.do(`document.querySelector('#section-agents .sort select').value`)
	b.next()
	b.requireQuiet(service.URL)
}

// TestPipeline: the stages stand in the order in which tasks go through them.
func TestPipeline(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.open(serve(t, recorded(t, "idle")).URL)
	b.do(`import('./page/pipeline.js').then(({ Pipeline }) => {
		window.order = (...answers) => {
			const pipeline = new Pipeline();
			return answers.map((stages) => pipeline.take(stages.map(([task_id, stage]) => ({ task_id, stage })))).at(-1).join(' ');
		};
	})`)
	for script, want := range evalAll(b, map[string]string{
		`order([[3, 'a'], [2, 'b'], [1, 'c']])`:                                                                           "a b c", // the youngest are where all begin
		`order([[1, 'a'], [2, 'b'], [3, 'b'], [9, 'a'], [8, 'a']])`:                                                       "a b",   // as most of a stage's are
		`order([[1, 'a'], [2, 'b']], [[1, 'a'], [2, 'a']])`:                                                               "a",
		`order([[1, 'a'], [2, 'b'], [3, 'b']], [[1, 'b'], [2, 'b'], [3, 'b'], [4, 'a']])`:                                 "a b",   // one was seen to go from a to b
		`order([[3, 'a'], [2, 'b']], [[3, 'a'], [2, 'new']], [[3, 'a'], [2, 'b']])`:                                       "a b",   // seen both ways, once each: it stays
		`order([[3, 'a'], [2, 'b'], [1, 'c']], [[3, 'b'], [2, 'b'], [1, 'c']], [[3, 'b'], [2, 'b'], [1, 'c'], [7, 'a']])`: "a b c", // and comes back to its place
		`order([[5, 'a'], [4, 'b']], [[5, 'a'], [4, 'a']], [[5, 'a'], [4, 'b']], [[5, 'b'], [4, 'b'], [6, 'a']])`:         "a b",   // back and forth and forth
	}) {
		assert.Equal(t, want.want, want.got, script)
	}
}

// TestPage_Copies: a press copies, also where the browser keeps the clipboard from
// pages of plain http, and says so.
func TestPage_Copies(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	service := edited(t, "busy", func(step int, envelope object) { multiply(t, envelope, step, 2, 3) })
	b.open(service.URL)
	b.do(`Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { window.copied = text; } }, configurable: true })`)
	for label, want := range map[string]string{"Copy ticket ORCH-1000": "ORCH-1000", "Copy pid 10001": "10001", "Copy api top --url " + service.URL: "api top --url " + service.URL} {
		b.do(`document.querySelector('button[aria-label="` + label + `"]').click()`)
		assert.Equal(t, want, eval[string](b, `copied`))
		assert.Equal(t, "Copied "+want, eval[string](b, `document.getElementById('said').textContent`))
	}
	b.do(`navigator.clipboard.writeText = async () => { throw new Error('no'); };
		document.addEventListener('copy', () => { window.old = document.activeElement.value; });
		document.querySelector('button[aria-label="Copy pid 10000"]').focus();`)
	b.press("Enter")
	assert.Equal(t, "10000", eval[string](b, `old`))
	b.requireQuiet(service.URL)
}

// TestPage_LinksTickets, by the operator's template, and nowhere else.
func TestPage_LinksTickets(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	cfg := orchmetrics.DefaultConfig()
	cfg.LinkTemplate, cfg.LogLevel = `https://tracker.example/browse/{work_item}?by="><b>`, 99
	server, err := orchmetrics.InitializeReplay(cfg, recorded(t, "busy"))
	require.NoError(t, err)
	tickets := []any{"ORCH-1", "../../../etc", "a b/c?d#e", "//evil.example", "..", "javascript:1", "", nil}
	changed := edited(t, "busy", func(_ int, envelope object) {
		var tasks []any
		for i, ticket := range tickets {
			tasks = append(tasks, object{"task_id": i, "work_item": ticket, "stage": "design", "age_in_stage_s": 100 - i, "repo": nil})
		}
		envelope["stages"] = tasks
	})
	service := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			changed.handler.ServeHTTP(w, r)
			return
		}
		server.Handler().ServeHTTP(w, r)
	}))
	b.open(service.URL)
	assert.Equal(t, []string{
		`https://tracker.example/browse/ORCH-1?by=%22%3E%3Cb%3E`, `https://tracker.example/browse/..%2F..%2F..%2Fetc?by=%22%3E%3Cb%3E`,
		`https://tracker.example/browse/a%20b%2Fc%3Fd%23e?by=%22%3E%3Cb%3E`, `https://tracker.example/browse/%2F%2Fevil.example?by=%22%3E%3Cb%3E`,
		``, `https://tracker.example/browse/javascript%3A1?by=%22%3E%3Cb%3E`, ``, ``,
	}, eval[[]string](b, `[...document.querySelectorAll('.tasks .ticket a')].map((a) => a.getAttribute('href') ?? '')`))
	assert.Equal(t, "_blank noopener noreferrer", eval[string](b, `(() => { const a = document.querySelector('.tasks .ticket a'); return a.target + ' ' + a.rel; })()`))
	b.requireQuiet(service.URL)
}
