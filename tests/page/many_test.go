package page

import (
	"database/sql"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPage_ManyRows: of a list of ten thousand the rows in sight are there, wherever it
// is scrolled to, and it says that it was cut.
func TestPage_ManyRows(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	const limit = 10_000
	service := serve(t, sourcesOf(t, func(db *sql.DB, _ string) {
		_, err := db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			INSERT INTO tasks (id, work_item_id, stage) SELECT i, 'ORCH-' || i, 'review' FROM n`, limit+5)
		require.NoError(t, err)
		_, err = db.Exec(`INSERT INTO jobs (id, status, agent) SELECT id, 'running', 'developer' FROM tasks WHERE id <= 300`)
		require.NoError(t, err)
	}))
	got := b.open(service.URL)
	tasks := got.Sections["stages"]
	assert.Equal(t, []string{"The list was cut: these are the first 10,000 rows, and there are more."}, tasks.Notes)
	assert.Equal(t, "first 10,000", got.Glance["glance-stages"], "not a claim that there are no more")
	assert.Equal(t, "300", got.Glance["glance-agents"])
	assert.Equal(t, []string{"10,000", "300"}, []string{tasks.Count, got.Sections["agents"].Count})

	box := `document.querySelector('#section-stages .scroll')`
	assert.Equal(t, "10001", eval[string](b, box+`.querySelector('table').getAttribute('aria-rowcount')`))
	for _, part := range []float64{0, 0.37, 0.99, 1, 0.5} {
		b.do(fmt.Sprintf(`%s.scrollTop = %f * (%[1]s.scrollHeight - %[1]s.clientHeight)`, box, part))
		b.do(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`)
		requireFilled(b, box, limit)
		assert.Less(t, len(b.shown().Sections["stages"].Rows), 100)
	}
	before := eval[[]string](b, inSight(box))
	b.next()
	assert.Equal(t, before, eval[[]string](b, inSight(box)), "an answer moves nothing")
	b.requireQuiet(service.URL)
}

// inSight are the keys of the rows that can be seen in a box.
func inSight(box string) string {
	return fmt.Sprintf(`(() => {
		const { top, bottom } = %s.getBoundingClientRect();
		return [...%[1]s.querySelectorAll('tbody:not(.spacer) tr')].filter((row) => {
			const at = row.getBoundingClientRect();
			return at.bottom > top + 40 && at.top < bottom - 1;
		}).map((row) => row.dataset.key);
	})()`, box)
}

// requireFilled: in the box rows stand one below the other without a gap, and each is
// that which its index says.
func requireFilled(b *tab, box string, rows int) {
	b.t.Helper()
	require.Empty(b.t, eval[string](b, fmt.Sprintf(`(() => {
		const box = %s, { top, bottom } = box.getBoundingClientRect();
		const all = [...box.querySelectorAll('tbody:not(.spacer) tr')], places = all.map((row) => row.getBoundingClientRect());
		if (places[0].top > top + 40 && box.scrollTop > 0) return 'a gap above';
		if (places.at(-1).bottom < bottom - 2 && Number(all.at(-1).ariaRowIndex ?? all.at(-1).getAttribute('aria-rowindex')) !== %d) return 'a gap below';
		if (places.some((place, i) => i > 0 && Math.abs(place.top - places[i - 1].bottom) > 1)) return 'a gap between';
		if (new Set(places.map((place) => Math.round(place.height))).size > 2) return 'rows of several heights';
		return all.some((row, i) => i > 0 && Number(row.getAttribute('aria-rowindex')) !== Number(all[i - 1].getAttribute('aria-rowindex')) + 1) ? 'out of order' : '';
	})()`, box, rows+1)))
}

// TestPage_ListsMoveOnlyIfWelcome: rows that come and go above what the reader looks at
// leave it where it is.
func TestPage_ListsMoveOnlyIfWelcome(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	service := edited(t, "busy", func(step int, envelope object) {
		multiply(t, envelope, step, 200, 2000)
		if step >= 1 {
			envelope["agents"] = envelope["agents"].([]any)[20:]
		}
		if step >= 2 {
			envelope["stages"] = envelope["stages"].([]any)[:1500]
		}
	})
	b.open(service.URL)
	for _, box := range []string{`document.querySelector('#section-agents .scroll')`, `document.querySelector('#section-stages .scroll')`} {
		b.do(box + `.scrollTop = 4321`)
	}
	b.do(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`)
	agents, tasks := inSight(`document.querySelector('#section-agents .scroll')`), inSight(`document.querySelector('#section-stages .scroll')`)
	before := [][]string{eval[[]string](b, agents), eval[[]string](b, tasks)}
	require.Greater(t, len(before[0]), 3)
	for range 6 { // they linger, and are gone
		b.next()
		assert.Equal(t, before[0], eval[[]string](b, agents))
		assert.Equal(t, before[1], eval[[]string](b, tasks))
	}
}

// TestPage_StaysFluid measures what a thousand agents and ten thousand tasks cost while
// the page asks every two seconds and is scrolled. The times are reported, and decide
// nothing.
func TestPage_StaysFluid(t *testing.T) {
	t.Parallel()
	scrolled := 2 * time.Second
	if os.Getenv("ORCHMETRICS_LONG") != "" {
		scrolled = 8 * time.Second
	}
	b := newLiveTab(t)
	service := edited(t, "busy", func(step int, envelope object) { multiply(t, envelope, step, 1000, 10_000) })
	got := b.open(service.URL)
	assert.Equal(t, []string{"1,000", "10,000"}, []string{got.Glance["glance-agents"], got.Glance["glance-stages"]})
	t.Log("frames while polling, in milliseconds: " + eval[string](b, fmt.Sprintf(`new Promise((done) => {
		const boxes = document.querySelectorAll('.scroll'), frames = [], work = [0], end = performance.now() + %d;
		new PerformanceObserver((list) => work.push(...list.getEntries().map((frame) => frame.duration))).observe({ type: 'long-animation-frame' });
		let last = performance.now();
		requestAnimationFrame(function frame(now) {
			frames.push(now - last);
			last = now;
			boxes.forEach((box) => { box.scrollTop += 20; });
			if (now < end) return requestAnimationFrame(frame);
			frames.sort((a, b) => a - b);
			const at = (part) => frames[Math.min(frames.length - 1, Math.floor(part * frames.length))].toFixed(1);
			done('median ' + at(0.5) + ', 99 %% ' + at(0.99) + ', worst ' + at(1) + ' of ' + frames.length
				+ ' (16.7 is the display; the browser itself worked ' + Math.max(...work).toFixed(0) + ' at most for one)');
		});
	})`, scrolled.Milliseconds())))
	b.until(func(s shown) bool { return s.Answers > 2 }, "it goes on asking")
	for _, name := range []string{"agents", "stages"} {
		requireFilled(b, `document.querySelector('#section-`+name+` .scroll')`, map[string]int{"agents": 1000, "stages": 10_000}[name])
	}
	b.requireQuiet(service.URL)
}
