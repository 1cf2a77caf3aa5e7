package page

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // the tests' own writer
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
)

// hostile are texts that would do something if they were anything but text.
var hostile = []string{
	`<img src=x onerror="window.pwned=1">`,
	`<script>window.pwned=2</script>`,
	`</td></table></script><script>window.pwned=3</script>`,
	`"><svg onload=window.pwned=4>`,
	`javascript:window.pwned=5`,
	`${window.pwned=6}{{window.pwned=7}}`,
	`<style>*{display:none}</style>`,
	`<a href="https://example.org/">a</a><base href="https://example.org/"><meta http-equiv=refresh content="0;https://example.org/">`,
	"\u202egnp.exe \u2066 \u2067 \u200f right to left",
	strings.Repeat("W", 4096),
	strings.Repeat("ab ", 1300),
	strings.Repeat("Z\u0310\u0354\u0363", 400),
	"🧑‍🚀👩‍👩‍👧‍👦🏳️‍🌈 \U0001F1E9\U0001F1EA",
	"line one\nline two\ttab\r\u0000\u0007bell",
	"unknown", "null", "undefined", "", " ", "__proto__", "constructor", "toString", "0", "-1",
	"&lt;b&gt; &amp; &#x3c;",
}

// sourcesOf are those of production over a database and what lies beside it.
func sourcesOf(t *testing.T, fill func(db *sql.DB, dir string)) orchmetrics.Sources {
	t.Helper()
	dir := t.TempDir()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "orchestrator.db")+"?_journal_mode=WAL")
	require.NoError(t, err)
	_, err = db.Exec(readFile(t, "../testdata/schema.sql"))
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sections"), 0o755))
	fill(db, dir)
	require.NoError(t, db.Close())
	src, err := orchmetrics.ProductionSources(orchmetrics.Config{
		DB: filepath.Join(dir, "orchestrator.db"), WorkerStateFile: filepath.Join(dir, "worker.json"), SectionsDir: filepath.Join(dir, "sections"),
		ProcRoot: "/proc", SectionTimeout: 10 * time.Second, MaxRows: 10_000,
	})
	require.NoError(t, err)
	return src
}

func write(t *testing.T, path string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, text, 0o600))
}

// hostileSources have such texts wherever there can be a text.
func hostileSources(t *testing.T) orchmetrics.Sources {
	return sourcesOf(t, func(db *sql.DB, dir string) {
		keys := map[string]any{"state": hostile[0]}
		for i, text := range hostile {
			_, err := db.Exec(`INSERT INTO tasks (id, work_item_id, repo, stage) VALUES (?1, ?2, ?2, ?2)`, i+1, text)
			require.NoError(t, err)
			_, err = db.Exec(`INSERT INTO agent_runs (id, agent, model, effort) VALUES (?1, ?2, ?2, ?2)`, i+1, text)
			require.NoError(t, err)
			_, err = db.Exec(`INSERT INTO jobs (id, task_id, repo, agent, status, run_id, pid) VALUES (?1, ?1, ?2, ?2, 'running', ?1, ?1)`, i+1, text)
			require.NoError(t, err)
			_, err = db.Exec(`INSERT INTO jobs (id, repo, agent, status) VALUES (?1, ?2, ?2, ?2)`, i+1001, text)
			require.NoError(t, err)
			keys[text] = map[string]any{text: []string{text}}
		}
		write(t, filepath.Join(dir, "worker.json"), map[string]any{"breaker": keys})
		write(t, filepath.Join(dir, "sections", "names.json"), keys)
		write(t, filepath.Join(dir, "sections", "scalar.json"), hostile[1])
		write(t, filepath.Join(dir, "sections", "deep.json"), nested(50))
		write(t, filepath.Join(dir, "sections", "<img src=x onerror=pwned=8>.json"), 1) // shown as refused
	})
}

func nested(depth int) any {
	if depth == 0 {
		return hostile[0]
	}
	return []any{nested(depth - 1)}
}

// TestPage_TextIsNeverMarkup: whatever the texts are, they are shown as they are,
// make no element, run nothing and ask nobody.
func TestPage_TextIsNeverMarkup(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	service := serve(t, hostileSources(t))
	b.open(service.URL)
	got := b.next()
	requireShown(t, service.answers(got.Answers), got)
	require.Len(t, got.Sections["stages"].Rows, len(hostile))
	require.Greater(t, len(got.Sections["names"].Rows), len(hostile))

	assert.False(t, eval[bool](b, `'pwned' in window`))
	for tag, many := range map[string]int{"img": 1, "script": 1, "link": 2, "style": 0, "iframe": 0, "base": 0, "meta": 4, "a[href]:not(nav a, footer a, .skip, #troubles a, #to-trouble)": 0} {
		assert.Equal(t, many, eval[int](b, fmt.Sprintf("document.querySelectorAll(%q).length", tag)), "only the page's own: %s", tag)
	}
	assert.Empty(t, eval[[]string](b, `[...document.querySelectorAll('*')].flatMap((node) => node.getAttributeNames().filter((name) => name.startsWith('on')))`))
	assert.Empty(t, eval[[]string](b, `[...document.querySelectorAll('tbody .value, .line, .stage, dd')].filter((node) => getComputedStyle(node).unicodeBidi !== 'isolate').map((node) => node.outerHTML)`),
		"no text turns round what is beside it")
	for _, width := range []int64{1280, 768, 390, 320} {
		b.size(width, 900)
		assert.LessOrEqual(t, eval[int64](b, `document.documentElement.scrollWidth`), width)
	}
	b.photograph("hostile-320")
	b.size(1280, 900)
	b.photograph("hostile-1280")
	b.requireQuiet(service.URL)
}

// TestPage_LongTree: of what another team writes, a hundred rows are shown and more are
// offered.
func TestPage_LongTree(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	const rows = 5000
	service := serve(t, sourcesOf(t, func(_ *sql.DB, dir string) {
		write(t, filepath.Join(dir, "sections", "long.json"), make([]int, rows))
	}))
	long := b.open(service.URL).Sections["long"]
	assert.Len(t, long.Rows, 100)
	assert.Equal(t, "Show 400 more; 4,900 are not shown", long.More)
	b.do(`document.querySelector('#section-long .more').click()`)
	more := b.shown().Sections["long"]
	assert.Len(t, more.Rows, 500)
	assert.Equal(t, "Show 1,000 more; 4,500 are not shown", more.More)
	assert.Equal(t, long.Rows, more.Rows[:100])
	assert.Equal(t, rows, eval[int](b, `(() => {
		const button = document.querySelector('#section-long .more');
		button.focus();
		while (button.checkVisibility()) button.click();
		return document.querySelectorAll('#section-long tbody tr').length;
	})()`))
	assert.Equal(t, "TABLE", eval[string](b, `document.activeElement.tagName`), "the focus goes on from the table")
	b.requireQuiet(service.URL)
}
