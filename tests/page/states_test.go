package page

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/fixture"
	"github.com/orchmetrics/orchmetrics/domain"
)

func recorded(t *testing.T, name string) orchmetrics.Fixture {
	t.Helper()
	fixture, err := orchmetrics.OpenFixture("scenario:"+name, orchmetrics.FixtureOptions{})
	require.NoError(t, err)
	return fixture
}

// TestPage_SaysThatTheServiceIsUnreachable, keeps what was shown, and goes on
// when the service is back.
func TestPage_SaysThatTheServiceIsUnreachable(t *testing.T) {
	t.Parallel()
	b := newLiveTab(t)
	service := serve(t, recorded(t, "busy"))
	before := b.open(service.URL)
	assert.Equal(t, "live", before.State)
	assert.Equal(t, "Live", before.Words)
	assert.Empty(t, before.Warning)
	assert.Equal(t, "orchmetrics", before.Title)

	service.CloseClientConnections()
	service.Close()
	lost := b.until(func(s shown) bool { return s.State == "lost" }, "the page misses the service")
	assert.Equal(t, "lost", lost.State)
	assert.Equal(t, "Unreachable", lost.Words)
	assert.Regexp(t, `^The service cannot be reached\. What is shown is \d+ s old\.$`, lost.Warning)
	assert.Regexp(t, `^last answer \d+ s ago$`, lost.Age)
	assert.Equal(t, "▲ Unreachable · orchmetrics", lost.Title)
	assert.NotEmpty(t, lost.Sections["agents"].Rows, "what was known stays")
	b.photograph("unreachable-1280")
	b.size(390, 700)
	b.do(`scrollTo({ top: 600, behavior: 'instant' })`)
	assert.True(t, eval[bool](b, `(() => {
		const warning = document.getElementById('warning'), { left, top, bottom } = warning.getBoundingClientRect();
		return scrollY > 0 && [top + 1, bottom - 1].every((y) => warning.contains(document.elementFromPoint(left + 20, y)));
	})()`), "the warning is in sight wherever the reader is, on a phone too")
	assert.True(t, eval[bool](b, `(() => {
		document.documentElement.style.scrollBehavior = 'auto';
		document.querySelector('a[href="#section-queue"]').click();
		const { left, top } = document.getElementById('section-queue-title').getBoundingClientRect();
		return document.elementFromPoint(left + 5, top + 2)?.id === 'section-queue-title';
	})()`), "and lies on no heading that a link leads to")
	b.photograph("unreachable-390")

	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", service.Listener.Addr().String())
	require.NoError(t, err)
	again := httptest.NewUnstartedServer(service)
	require.NoError(t, again.Listener.Close())
	again.Listener = listener
	again.Start()
	t.Cleanup(again.Close)
	back := b.until(func(s shown) bool { return s.State == "live" }, "the page finds the service by itself")
	assert.Empty(t, back.Warning)
	assert.NotEqual(t, lost.Sections["reading"].Facts["generated_at"], back.Sections["reading"].Facts["generated_at"])
	b.requireQuiet(service.URL)
}

// TestPage_SaysThatThereWasNoAnswerYet: nothing is shown that is not known.
func TestPage_SaysThatThereWasNoAnswerYet(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	files := handlerOf(t, recorded(t, "busy"), true)
	refused := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			files.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"error":{"code":"overloaded","message":"try again"}}`))
	})
	service := serveHandler(t, refused)
	got := b.open(service.URL)
	assert.Equal(t, "Refused", got.Words)
	assert.Equal(t, "The service answers with status 503 (overloaded: try again). There was no answer yet.", got.Warning)
	for name, text := range got.Glance {
		assert.Contains(t, []string{"", unknown}, text, name)
	}
	for key, section := range got.Sections {
		assert.Empty(t, section.Rows, key)
		assert.Empty(t, section.Facts, key)
		assert.Empty(t, section.Empty, "%s: not idle, not unknown: not asked yet", key)
	}
	b.requireQuiet(service.URL)
}

// TestPage_CannotShowAnAnswer: it does not say that it shows what is, and goes on with the
// next answer.
func TestPage_CannotShowAnAnswer(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	service := edited(t, "busy", func(step int, envelope object) {
		if step == 1 {
			envelope["cost"].(object)["by_model"] = []any{nil}
		}
	})
	b.open(service.URL)
	got := b.next()
	assert.Equal(t, "lost", got.State)
	assert.Regexp(t, `^This page cannot show all of the answer\. Reload the page\. What is shown is \d+ s old\.$`, got.Warning)
	require.Eventually(t, func() bool { return b.noted() == 1 }, time.Minute, 10*time.Millisecond, "the console has the cause")
	got = b.next()
	assert.Equal(t, "live", got.State)
	assert.Empty(t, got.Warning)
}

// TestPage_SaysWhatIsWrongWithAnAnswer, and does not show it.
func TestPage_SaysWhatIsWrongWithAnAnswer(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	whole := handlerOf(t, recorded(t, "busy"), true)
	service := serveHandler(t, whole)
	before := b.open(service.URL)
	for body, warning := range map[string]string{
		`<html>`:                   "The answer is no JSON.",
		`null`:                     "The answer is not that of the metrics service.",
		`[]`:                       "The answer is not that of the metrics service.",
		`{"status":"ok"}`:          "The answer is not that of the metrics service.",
		`{"schema_version":2}`:     "The answer has schema version 2, and this page understands 1. Reload the page.",
		`{"schema_version":"<b>"}`: "The answer has schema version <b>, and this page understands 1. Reload the page.",
	} {
		service.become(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		got := b.next()
		assert.Equal(t, "lost", got.State)
		assert.Equal(t, "Not understood", got.Words)
		assert.Contains(t, got.Warning, warning+" What is shown is ")
		assert.Equal(t, before.Sections, got.Sections)
	}
	service.become(http.NotFoundHandler())
	assert.Contains(t, b.next().Warning, "The service answers with status 404. What is shown is ")
	service.become(whole)
	assert.Equal(t, "live", b.next().State)
	b.requireQuiet(service.URL)
}

// TestPage_SaysThatTheServiceIsSwitchedOff, and shows nothing beside.
func TestPage_SaysThatTheServiceIsSwitchedOff(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	service := serveHandler(t, handlerOf(t, recorded(t, "busy"), false))
	off := b.open(service.URL)
	assert.Equal(t, "off", off.State)
	assert.Equal(t, "Switched off", off.Words)
	assert.True(t, off.Off)
	assert.Empty(t, off.Warning)
	assert.False(t, eval[bool](b, `document.getElementById('content').checkVisibility()`))
	b.photograph("off-1280")

	service.become(handlerOf(t, recorded(t, "busy"), true))
	on := b.next()
	assert.Equal(t, "live", on.State)
	assert.False(t, on.Off)
	assert.NotEmpty(t, on.Sections["agents"].Rows)
	assert.True(t, eval[bool](b, `document.getElementById('content').checkVisibility()`))
	b.requireQuiet(service.URL)
}

// TestPage_TellsIdleFromUnknown: an empty list of a section that was not read is
// not shown as an empty list, and each status says what it means.
func TestPage_TellsIdleFromUnknown(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	service := serve(t, fixture.Sources{}.Ports())
	got := b.open(service.URL)
	assert.Equal(t, "No task is active.", got.Sections["stages"].Empty)
	assert.Equal(t, "0", got.Glance["glance-stages"])
	assert.Empty(t, got.Sections["stages"].Notes)

	for err, want := range map[domain.Code][3]string{
		domain.CodeDBMissing: {"failed", "failed · db_missing", "It could not be read: there is no database where it is looked for."},
		domain.CodeTimeout:   {"timeout", "timeout", "There was no answer within the time that a section has."},
		domain.CodePanic:     {"failed", "failed · panic", "It could not be read: the service has a bug; its log says where."},
	} {
		service.become(handlerOf(t, fixture.Sources{StagesErr: err}.Ports(), true))
		stages := b.next()
		assert.Equal(t, "Nothing is known of it at this moment.", stages.Sections["stages"].Empty)
		assert.Equal(t, unknown, stages.Glance["glance-stages"])
		assert.Equal(t, want[0], stages.Sections["stages"].Status)
		assert.Equal(t, want[1], stages.Sections["stages"].Reading)
		assert.Equal(t, []string{want[2]}, stages.Sections["stages"].Notes)
	}

	service.become(handlerOf(t, fixture.Sources{CountsErr: domain.CodeCounting}.Ports(), true))
	queue := b.next().Sections["queue"]
	assert.Equal(t, "degraded · counting", queue.Reading)
	assert.Equal(t, []string{
		"Part of it is missing: a large history is being summed for the first time; more is known with each answer.",
	}, queue.Notes)
	assert.Equal(t, unknown, queue.Facts["counts.queued"])
	assert.Equal(t, "0", queue.Facts["retries.retried_jobs"])
	b.requireQuiet(service.URL)
}

// TestPage_KnowsEveryCode: in words.js, each code of the domain has its meaning.
func TestPage_KnowsEveryCode(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	service := serve(t, recorded(t, "idle"))
	b.open(service.URL)
	_, documented, found := strings.Cut(readFile(t, "../../docs/operations.md"), "\n## Codes\n")
	require.True(t, found)
	documented, _, _ = strings.Cut(documented, "\n## ")
	var codes []string
	for line := range strings.Lines(documented) {
		if rest, row := strings.CutPrefix(line, "| `"); row {
			code, _, _ := strings.Cut(rest, "`")
			codes = append(codes, code)
		}
	}
	require.Contains(t, codes, "db_missing")
	assert.ElementsMatch(t, codes, eval[[]string](b, `import('./page/words.js').then((words) => words.knownCodes())`))
	assert.ElementsMatch(t, []string{"ok", "degraded", "failed", "timeout", "disabled"},
		eval[[]string](b, `import('./page/words.js').then((words) => words.knownStatuses())`))
}

// TestPage_BeginsAnewAfterARestart: what another start of the service says is not
// measured against what the earlier one said.
func TestPage_BeginsAnewAfterARestart(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	src := recorded(t, "busy")
	service := serve(t, src)
	b.open(service.URL)
	known := b.next()
	require.Regexp(t, `^own [\d.]+ %$`, known.Sections["agents"].Rows[0]["cpu.own"])
	next := handlerOf(t, src, true)
	for range known.Answers { // goes on where the other was
		next.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", nil))
	}
	service.become(next)
	restarted := b.next()
	assert.NotEqual(t, known.Sections["reading"].Facts["instance.id"], restarted.Sections["reading"].Facts["instance.id"])
	assert.Empty(t, restarted.Sections["agents"].Rows[0]["cpu.own"])
	assert.Regexp(t, `^own [\d.]+ %$`, b.next().Sections["agents"].Rows[0]["cpu.own"])
}

// TestPage_BehindAPrefix: a proxy may serve it anywhere.
func TestPage_BehindAPrefix(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	service := serve(t, recorded(t, "busy"))
	proxy := httptest.NewServer(http.StripPrefix("/some/where", service))
	t.Cleanup(proxy.Close)
	got := b.open(proxy.URL + "/some/where/")
	requireShown(t, service.answers(got.Answers), got)
	b.requireQuiet(proxy.URL)
}
