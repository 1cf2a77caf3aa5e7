package page

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestPage_Phone: four agents and ten tasks within two screens, what is folded shows
// how much is in it, and a link opens it.
func TestPage_Phone(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.size(390, 844)
	service := edited(t, "busy", func(step int, envelope object) {
		multiply(t, envelope, step, 4, 10)
		agentAt(envelope, 2)["process"].(object)["status"] = "gone"
	})
	b.open(service.URL)
	b.next()
	assert.Less(t, eval[float64](b, `document.querySelector('#section-stages').getBoundingClientRect().bottom`), 2*844.0)
	assert.Less(t, eval[float64](b, `document.querySelector('nav').getBoundingClientRect().bottom`), 844.0/4, "the links come first")
	assert.Equal(t, []bool{true, true, false, false, false}, eval[[]bool](b, `[...document.querySelectorAll('section > details')].map((details) => details.open)`))
	b.do(`document.querySelector('a[href="#section-cost"]').click()`)
	b.do(`new Promise((done) => setTimeout(done, 100))`)
	assert.True(t, eval[bool](b, `document.querySelector('#section-cost details').open`))
	b.photograph("phone")
	b.size(1280, 900)
	b.do(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`)
	assert.Equal(t, []bool{true, true, true, true, true}, eval[[]bool](b, `[...document.querySelectorAll('section > details')].map((details) => details.open)`))
	b.requireQuiet(service.URL)
}

// TestPage_Axe: axe-core finds nothing to complain of, in any state, size or colour.
func TestPage_Axe(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Skip("needs axe-core, to find what a screen reader would stumble over (npm ci, in tests/page)")
	}
	b := newTab(t)
	service := edited(t, "busy", func(step int, envelope object) {
		multiply(t, envelope, step, 6, 12)
		agentAt(envelope, 2)["process"].(object)["status"] = "gone"
		report := envelope["sections"].(object)["cost"].(object)
		report["status"], report["code"] = "degraded", "recounting"
	})
	b.open(service.URL)
	b.next()
	b.do(string(axe) + `; null`)
	for _, width := range []int64{1280, 390} {
		b.size(width, 900)
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			found := eval[struct {
				Passes     int
				Violations []string
			}](b, `axe.run(document, { resultTypes: ['violations'] }).then(({ passes, violations }) => ({ Passes: passes.length,
				Violations: violations.flatMap(({ id, nodes }) => nodes.slice(0, 3).map((node) => id + ': ' + node.html.slice(0, 200) + ' ' + node.failureSummary)) }))`)
			assert.Empty(t, found.Violations, "%d, %s", width, scheme)
			assert.Greater(t, found.Passes, 20, "it looked")
		}
	}
}
