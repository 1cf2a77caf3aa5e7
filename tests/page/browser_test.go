package page

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/orchmetrics/orchmetrics/internal/demo"
)

func TestMain(m *testing.M) {
	if demo.RunAgent() { // the demo starts this binary as its agents
		return
	}
	status := m.Run()
	browser.stop()
	if err := goleak.Find(); err != nil && status == 0 {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// patience bounds every wait; no test depends on how long it takes.
const patience = time.Minute

// browser is the one of all tests: each has tabs of its own in it.
var browser = shared{stop: func() {}}

type shared struct {
	once sync.Once
	ctx  context.Context //nolint:containedctx // it is what chromedp knows a browser by
	stop func()
	err  error
}

// useBrowser returns the browser's context, and starts the browser if need be.
func useBrowser(t *testing.T) context.Context {
	t.Helper()
	program := chromium()
	if program == "" {
		t.Skip("needs Chromium, to show the page (Debian: apt-get install chromium)")
	}
	browser.once.Do(func() { browser.err = browser.start(program) })
	require.NoError(t, browser.err, "start %s", program)
	return browser.ctx
}

func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// start starts it with a profile of its own, and quiet: it talks to nobody but the
// pages that it is told to open.
func (s *shared) start(program string) error {
	profile, err := os.MkdirTemp("", "orchmetrics-chromium-")
	if err != nil {
		return err
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program), chromedp.UserDataDir(profile), chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Headless, chromedp.DisableGPU, chromedp.NoSandbox, // the tests may run as root
		chromedp.WSURLReadTimeout(patience),
	}
	for _, name := range []string{
		"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-extensions",
		"disable-default-apps", "disable-background-timer-throttling", "disable-renderer-backgrounding", "disable-dev-shm-usage",
	} {
		options = append(options, chromedp.Flag(name, true))
	}
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	var cancel context.CancelFunc
	s.ctx, cancel = chromedp.NewContext(allocator)
	s.stop = func() {
		_ = chromedp.Cancel(s.ctx) // closes it in good order, and waits
		cancel()
		cancelAllocator()
		_ = os.RemoveAll(profile)
	}
	return chromedp.Do(s.ctx)
}

// tab is one tab, in a browser context of its own, and all that went wrong in it.
type tab struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // it is what chromedp knows a tab by

	mu       sync.Mutex
	problems []string
	hosts    map[string]bool // that it asked for anything
}

// newTab opens an empty tab of 1280 x 900 pixels, in which the page asks when the
// test tells it to and not every two seconds, so that no time decides what it shows.
func newTab(t *testing.T) *tab {
	t.Helper()
	b := newLiveTab(t)
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `{
		const set = window.setTimeout;
		window.setTimeout = (run, time, ...rest) => (time === 2000 ? 0 : set(run, time, ...rest));
	}`})
	return b
}

// newLiveTab opens a tab in which nothing is other than for a user.
func newLiveTab(t *testing.T) *tab {
	t.Helper()
	parent := useBrowser(t)
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	ctx, cancelTimeout := context.WithTimeout(ctx, patience)
	b := &tab{t: t, ctx: ctx, hosts: map[string]bool{}}
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		cancelTimeout()
		cancel()
	})
	require.NoError(t, chromedp.Listen(ctx, b.listen))
	call(b, network.Enable, network.EnableParams{})
	b.size(1280, 900)
	return b
}

// listen notes what a user would not see: errors, violations of the policy, and
// whom the page talks to.
func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, fmt.Sprintf("%s (line %d): %s", e.ExceptionDetails.Text, e.ExceptionDetails.LineNumber, e.ExceptionDetails.URL))
	case *runtime.EventConsoleAPICalled:
		b.problems = append(b.problems, fmt.Sprintf("console.%s", e.Type))
	case *log.EventEntryAdded:
		if e.Entry.Source != log.EntrySourceNetwork { // a service that is gone is no problem of the page
			b.problems = append(b.problems, fmt.Sprintf("%s: %s", e.Entry.Source, e.Entry.Text))
		}
	case *page.EventJavascriptDialogOpening:
		b.problems = append(b.problems, "dialog: "+e.Message)
	case *network.EventRequestWillBeSent:
		b.hosts[hostOf(e.Request.URL)] = true
	}
}

func hostOf(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// noted is how much has gone wrong so far.
func (b *tab) noted() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.problems)
}

// requireQuiet: nothing went wrong, and nobody but the service was asked.
func (b *tab) requireQuiet(service string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	assert.Empty(b.t, b.problems)
	for host := range b.hosts {
		assert.Equal(b.t, hostOf(service), host, "the page asked another host")
	}
}

// call sends a command of the protocol to the tab.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	require.NoError(b.t, err, command.Method)
	return result
}

// eval runs a script in the page, and reads what it, or its promise, returns.
func eval[T any](b *tab, script string) T {
	b.t.Helper()
	result, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err, script)
	return result
}

func (b *tab) do(script string) {
	b.t.Helper()
	eval[any](b, script)
}

// size sets the window; below 700 pixels it is a phone's.
func (b *tab) size(width, height int64) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride,
		emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 700})
}

// scheme sets what prefers-color-scheme answers: light or dark.
func (b *tab) scheme(name string) {
	b.t.Helper()
	b.media("prefers-color-scheme", name)
}

// media sets what one media feature answers.
func (b *tab) media(feature, value string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: feature, Value: value}}})
}

// press presses a key: Tab, Enter or a character.
func (b *tab) press(key string) {
	b.t.Helper()
	keys := map[string]string{"Tab": kb.Tab, "Enter": kb.Enter}[key]
	if keys == "" {
		keys = key
	}
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.KeyEvent(keys)))
}

// zone sets where the reader is.
func (b *tab) zone(name string) {
	b.t.Helper()
	call(b, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: name})
}
