package page

import (
	"net/http"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPage_Pauses: no request while paused, and one at once afterwards.
func TestPage_Pauses(t *testing.T) {
	t.Parallel()
	b := newLiveTab(t)
	service := serve(t, recorded(t, "busy"))
	b.open(service.URL)
	press := `document.getElementById('pause').click()`
	b.do(press)
	paused := b.shown()
	assert.Equal(t, "paused", paused.State)
	assert.Equal(t, "Paused", paused.Words)
	assert.Regexp(t, `^last answer \d+ s ago$`, paused.Age)
	assert.Equal(t, "Resume", eval[string](b, `document.getElementById('pause').textContent`))
	b.do(`void document.dispatchEvent(new Event('visibilitychange'))`)
	b.do(`new Promise((done) => setTimeout(done, 2500))`) // more than a poll's time
	assert.Equal(t, paused.Answers, b.shown().Answers)
	b.do(press)
	resumed := b.until(func(s shown) bool { return s.Answers > paused.Answers }, "it asks again")
	assert.Equal(t, "live", resumed.State)
}

// TestPage_AsksOnlyWhileItIsSeen: no request while the tab is hidden.
func TestPage_AsksOnlyWhileItIsSeen(t *testing.T) {
	t.Parallel()
	b := newLiveTab(t)
	service := serve(t, recorded(t, "busy"))
	b.open(service.URL)
	hide := func(hidden string) {
		b.do(`Object.defineProperty(document, 'hidden', { configurable: true, get: () => ` + hidden + ` });
			void document.dispatchEvent(new Event('visibilitychange'))`)
	}
	hide("true")
	before := b.shown().Answers
	b.do(`new Promise((done) => setTimeout(done, 2500))`)
	assert.Equal(t, before, b.shown().Answers)
	hide("false")
	b.until(func(s shown) bool { return s.Answers > before }, "it asks when it is seen again")
}

// TestPoller: one request at a time, given up after its time, and asked again.
func TestPoller(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	release := make(chan struct{})
	under := make(chan struct{}, 100)
	files := handlerOf(t, recorded(t, "idle"), true)
	service := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/slow" {
			files.ServeHTTP(w, r)
			return
		}
		under <- struct{}{}
		select {
		case <-release:
			_, _ = w.Write([]byte("at last"))
		case <-r.Context().Done():
		}
	}))
	answer := sync.OnceFunc(func() { close(release) })
	t.Cleanup(answer)
	b.open(service.URL)
	b.do(`import('./page/poll.js').then(({ Poller }) => {
		const ask = window.fetch;
		let under = 0;
		window.most = 0;
		window.fetch = (url, options) => {
			if (url === 'slow') most = Math.max(most, ++under);
			return ask(url, options).finally(() => { if (url === 'slow') under--; });
		};
		window.outcomes = [];
		window.poller = new Poller('slow', { every: 1, patience: 100 }, (outcome) => outcomes.push(outcome));
		poller.start();
		for (let i = 0; i < 5; i++) document.dispatchEvent(new Event('visibilitychange'));
	})`)
	_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](`outcomes.length > 0`))
	require.NoError(t, err, "it gives up")
	<-under
	assert.Equal(t, "The service did not answer in time.", eval[string](b, `outcomes[0].failure.cause`))
	<-under // it asks again, by itself
	assert.Equal(t, 1, eval[int](b, `most`), "one at a time, however often it is told to ask")
	b.do(`Object.assign(window, { hasty: [], hastyPoller: new poller.constructor('slow', { every: 1, patience: 60_000 }, (outcome) => hasty.push(outcome)) });
		hastyPoller.start();
		hastyPoller.pause(true);
		hastyPoller.pause(false);`)
	answer()
	_, err = chromedp.Run(b.ctx, chromedp.Poll[bool](`hasty.length > 0`))
	require.NoError(t, err)
	assert.Equal(t, "at last", eval[string](b, `hasty[0].text ?? hasty[0].failure.cause`), "who pauses and goes on at once is not told of a failure")
	b.do(`hastyPoller.pause(true)`)
	_, err = chromedp.Run(b.ctx, chromedp.Poll[bool](`outcomes.some((outcome) => outcome.text === 'at last')`))
	require.NoError(t, err)
	b.do(`poller.pause(true)`)
	b.requireQuiet(service.URL)
}

// TestState: when what is shown is called old, on a clock of the test's own.
func TestState(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.open(serve(t, recorded(t, "idle")).URL)
	got := eval[[]string](b, `import('./page/status.js').then(({ State }) => {
		let now = 1000;
		const state = new State(6000, () => now), said = [];
		const say = () => { const { kind, warning } = state.describe(); said.push([kind, state.age, warning].join('|')); };
		say();
		state.good(false); say();
		now += 5999; say();
		now += 1; say();
		state.paused = true; say();
		state.paused = false; state.good(false); say();
		state.bad({ words: 'Lost', cause: 'Gone.' }); now += 60000; say();
		state.good(true); say();
		now += 6000; say();
		return said;
	})`)
	assert.Equal(t, []string{
		"asking||",
		"live|0|", "live|5|", "stale|6|The service has not answered for a while.",
		"paused|6|This page is paused.", "live|0|",
		"lost|60|Gone.", "off|0|", "stale|6|The service has not answered for a while.",
	}, got)
}
