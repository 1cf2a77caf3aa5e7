package page

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// screenshots is where they go, to be looked at: git ignores it.
const screenshots = "../../.cache/screenshots"

// photograph writes the page, down to three screens, to a file.
func (b *tab) photograph(name string) {
	b.t.Helper()
	require.NoError(b.t, os.MkdirAll(screenshots, 0o755))
	box := eval[[2]float64](b, `[document.documentElement.clientWidth, Math.min(2700, document.documentElement.scrollHeight)]`)
	picture := call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{
		CaptureBeyondViewport: new(true), Clip: &page.Viewport{Width: box[0], Height: box[1], Scale: 1},
	}).Data
	require.NotEmpty(b.t, picture)
	require.NoError(b.t, os.WriteFile(filepath.Join(screenshots, name+".png"), picture, 0o644))
}

// faint lists the texts whose contrast with what is behind them is below 4.5, as
// WCAG 2.2 (1.4.3) works it out.
const faint = `(() => {
	const channels = (color) => color.match(/[\d.]+/g).map(Number);
	const luminance = (color) => channels(color).slice(0, 3).map((c) => c / 255)
		.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
	const ground = (node) => {
		for (; node; node = node.parentElement) {
			const color = getComputedStyle(node).backgroundColor;
			if ((channels(color)[3] ?? 1) === 1) return color;
		}
		return 'rgb(255, 255, 255)';
	};
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
	while (walker.nextNode()) {
		const node = walker.currentNode.parentElement;
		if (!walker.currentNode.nodeValue.trim() || !node.checkVisibility()) continue;
		const [a, b] = [luminance(getComputedStyle(node).color), luminance(ground(node))];
		const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (contrast < 4.5) found.push(contrast.toFixed(2) + ' ' + walker.currentNode.nodeValue);
	}
	return found;
})()`

// brokenCodes lists the codes that are not on one line: they are to be looked up.
const brokenCodes = `[...document.querySelectorAll('td[data-field="code"] > .value')]
	.filter((node) => { const text = document.createRange(); text.selectNodeContents(node); return text.getClientRects().length > 1; })
	.map((node) => node.textContent)`

// TestPage_FitsEveryWidth: from a phone to a wide screen, light and dark, nothing
// is wider than the page, and all of it can be read. It leaves screenshots.
func TestPage_FitsEveryWidth(t *testing.T) {
	t.Parallel()
	for name, there := range map[string]func(shown) bool{
		"idle": func(shown) bool { return true },
		"queue-piling-up": func(s shown) bool {
			return slices.ContainsFunc(s.Sections["stages"].Rows, func(row map[string]string) bool { return strings.HasPrefix(row["age.age"], "10 min 2") })
		},
		"database-gone": func(s shown) bool { return s.Sections["agents"].Status == "failed" },
		"schema-drift":  func(s shown) bool { return s.Sections["cost"].Status == "degraded" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newTab(t)
			for s := b.open(serve(t, recorded(t, name)).URL); !there(s); s = b.next() {
				require.NoError(t, b.ctx.Err())
			}
			b.requireFits(name)
		})
	}
}

func (b *tab) requireFits(name string) {
	b.t.Helper()
	grounds := map[string]bool{}
	for _, width := range []int64{1280, 1000, 768, 390, 320} {
		b.size(width, 900)
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			assert.LessOrEqual(b.t, eval[int64](b, `document.documentElement.scrollWidth`), width, "%s at %d", name, width)
			assert.Empty(b.t, eval[[]string](b, faint), "%s at %d, %s", name, width, scheme)
			assert.Empty(b.t, eval[[]string](b, brokenCodes), "%s at %d", name, width)
			grounds[eval[string](b, `getComputedStyle(document.body).backgroundColor`)] = true
			if width == 1280 || width == 390 {
				b.photograph(fmt.Sprintf("%s-%d-%s", name, width, scheme))
			}
		}
	}
	assert.Len(b.t, grounds, 2, "dark is not light")
}

// TestPage_ByKeyboard: each control is reached by Tab, in the order in which they
// are read, and shows that it has the focus.
func TestPage_ByKeyboard(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.open(serve(t, recorded(t, "busy")).URL)
	b.do(`window.controls = [...document.querySelectorAll('a[href], button, select, input, summary, [tabindex="0"]')].filter((node) => node.checkVisibility())`)
	focused := `(() => {
		const node = document.activeElement, style = getComputedStyle(node), box = node.getBoundingClientRect();
		return controls.indexOf(node) + (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && box.top >= 0 && box.width > 0 ? '' : ' unseen');
	})()`
	many := eval[int](b, `controls.length`)
	require.Greater(t, many, 40)
	for i := range many {
		b.press("Tab")
		require.Equal(t, strconv.Itoa(i), eval[string](b, focused), eval[string](b, fmt.Sprintf(`controls[%d].outerHTML.slice(0, 200)`, i)))
	}

	b.do(`document.querySelector('.skip').focus()`)
	b.press("Enter")
	assert.Equal(t, "main", eval[string](b, `document.activeElement.id`), "the link skips to what is shown")
	b.do(`document.getElementById('pause').focus()`)
	b.press("Enter")
	assert.Equal(t, "paused", b.shown().State)
	b.press(" ")
	assert.Equal(t, "live", b.shown().State)
	assert.Equal(t, "pause", eval[string](b, `document.activeElement.id`))
}

// TestPage_Structure: what a screen reader goes by.
func TestPage_Structure(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.open(serve(t, recorded(t, "busy")).URL)
	for script, want := range evalAll(b, map[string]string{
		`document.documentElement.lang`: "en",
		`[...document.querySelectorAll('h1')].map((h) => h.textContent.trim()).join()`:                                                                     "orchmetrics",
		`[...document.querySelectorAll('h1, h2, h3')].map((h) => h.tagName).join(' ')`:                                                                     "H1 H2 H2 H2 H2 H2 H3 H2 H3 H2 H3",
		`['header', 'nav', 'main', 'footer'].map((tag) => document.querySelectorAll('body > ' + tag + ', main ' + tag + ':not(section *)').length).join()`: "1,1,1,1",
		`[...document.querySelectorAll('section')].filter((s) => !document.getElementById(s.getAttribute('aria-labelledby'))?.textContent).length + ''`:    "0",
		`[...document.querySelectorAll('table')].filter((table) => !(table.caption?.textContent || table.ariaLabel)).length + ''`:                          "0",
		`[...document.querySelectorAll('thead th')].filter((th) => th.scope !== 'col').length + ''`:                                                        "0",
		`[...document.querySelectorAll('tbody:not(.spacer) tr')].filter((tr) => tr.querySelectorAll('th[scope=row]').length !== 1).length + ''`:            "0",
		`[...document.querySelectorAll('[aria-live]')].map((live) => live.id + ' ' + live.ariaLive).join()`:                                                "state polite,said polite",
		`[...document.querySelectorAll('svg')].filter((svg) => !svg.getAttribute('aria-label')).length + ''`:                                               "0",
		`[...document.querySelectorAll('[id]')].length - new Set([...document.querySelectorAll('[id]')].map((node) => node.id)).size + ''`:                 "0",
	}) {
		assert.Equal(t, want.want, want.got, script)
	}
	b.size(390, 800)
	assert.Equal(t, "table,rowgroup,rowgroup,row,columnheader,row,rowheader,cell", eval[string](b,
		`(() => { const [table] = document.querySelectorAll('table.agents'); const roles = (s) => [...table.querySelectorAll(s)].slice(0, 1).map((n) => n.role);
			return [table.role, roles('thead'), roles('tbody:not(.spacer)'), roles('tr'), roles('thead th'), roles('tbody:not(.spacer) tr'), roles('tbody:not(.spacer) th'), roles('tbody:not(.spacer) td')].join(); })()`),
		"a table stays a table where its rows are blocks")
}

// TestPage_LeavesTheReaderInPeace: an update keeps the nodes, a selection, the
// focus and where the reader has scrolled to.
func TestPage_LeavesTheReaderInPeace(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.size(390, 700)
	b.open(serve(t, recorded(t, "busy")).URL)
	b.do(`(() => {
		window.rows = [...document.querySelectorAll('tbody:not(.spacer) tr')];
		const ticket = document.querySelector('#section-stages tbody:not(.spacer) th a');
		getSelection().selectAllChildren(ticket);
		document.querySelector('footer a').focus({ preventScroll: true });
		scrollTo({ top: 400, behavior: 'instant' });
	})()`)
	before := b.shown()
	after := b.next()
	assert.NotEqual(t, before.Sections["stages"].Rows[0]["age.age"], after.Sections["stages"].Rows[0]["age.age"], "it did change")
	assert.Equal(t, before.Sections["stages"].Rows[0]["ticket.work_item"], eval[string](b, `getSelection().toString()`))
	assert.Equal(t, "metrics", eval[string](b, `document.activeElement.getAttribute('href')`))
	assert.Equal(t, 400, eval[int](b, `Math.round(scrollY)`))
	assert.True(t, eval[bool](b, `rows.length > 5 && rows.every((row) => row.isConnected)`))
}

// TestPage_MovesOnlyIfWelcome: nothing moves for who asked that nothing moves.
func TestPage_MovesOnlyIfWelcome(t *testing.T) {
	t.Parallel()
	style := readFile(t, "../../internal/page/files/style.css")
	assert.NotContains(t, style, "animation")
	assert.NotContains(t, style, "transition")
	b := newTab(t)
	b.open(serve(t, recorded(t, "idle")).URL)
	behaviour := `getComputedStyle(document.documentElement).scrollBehavior`
	b.media("prefers-reduced-motion", "no-preference")
	assert.Equal(t, "smooth", eval[string](b, behaviour))
	b.media("prefers-reduced-motion", "reduce")
	assert.Equal(t, "auto", eval[string](b, behaviour))
}
