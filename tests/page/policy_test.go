package page

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/page"
)

// TestPolicy_IsSent with each file, and lets in nothing from elsewhere.
func TestPolicy_IsSent(t *testing.T) {
	t.Parallel()
	files, err := page.Files("")
	require.NoError(t, err)
	handler := handlerOf(t, recorded(t, "idle"), true)
	for _, file := range files {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), method, file.Path, nil))
			assert.Equal(t, http.StatusOK, recorder.Code, file.Path)
			header := recorder.Header()
			assert.Equal(t, file.ContentType, header.Get("Content-Type"))
			assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
			assert.Equal(t, "no-referrer", header.Get("Referrer-Policy"))
			assert.Equal(t, "no-cache", header.Get("Cache-Control"))
			assert.NotEmpty(t, header.Get("ETag"))
			policy := header.Get("Content-Security-Policy")
			for _, directive := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"} {
				assert.Contains(t, strings.Split(policy, "; "), directive)
			}
			assert.Regexp(t, `^[a-z' ;-]+$`, policy, "no host, no scheme, no wildcard")
			assert.NotContains(t, policy, "unsafe")
			if method == http.MethodHead {
				assert.Empty(t, recorder.Body.Bytes())
			}
		}
		addresses := regexp.MustCompile(`https?://[^'"\s]*`).FindAllString(string(file.Body), -1)
		for _, address := range addresses {
			assert.Equal(t, "http://www.w3.org/2000/svg", address, "%s names another host", file.Path)
		}
	}
}

// TestPolicy_IsInForce: the browser refuses what the policy forbids, and the tests
// see it. Without this, a quiet page would prove nothing.
func TestPolicy_IsInForce(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	service := serve(t, recorded(t, "idle"))
	b.open(service.URL)
	b.requireQuiet(service.URL)
	for name, script := range map[string]string{
		"markup from a string": `try { document.body.innerHTML = '<b>x</b>' } catch { }`,
		"a script in the page": `(() => { const s = document.createElement('script'); try { s.textContent = 'window.pwned = 1' } catch { } document.body.append(s); })()`,
		"an image elsewhere":   `new Promise((done) => { const i = new Image(); i.onerror = i.onload = () => done(); i.src = 'https://example.org/x.png'; })`,
		"data to elsewhere":    `fetch('https://example.org/').catch(() => null).then(() => null)`,
		"a style in the page":  `(() => { const s = document.createElement('style'); s.textContent = '*{color:red}'; document.head.append(s); })()`,
		"console":              `console.error('x')`,
		"an error":             `void setTimeout(() => { throw new Error('x') })`,
	} {
		before := b.noted()
		b.do(script)
		b.until(func(shown) bool { return b.noted() > before }, "the test sees "+name)
		assert.False(t, eval[bool](b, `'pwned' in window`))
	}
}
