package page

import (
	_ "embed"
	"fmt"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// shown is all that the page shows at one moment, read from its nodes.
type shown struct {
	Answers  int    // how many outcomes of polls it has shown
	State    string // of the connection, as a word for style sheets
	Words    string // the same for people
	Age      string
	Warning  string // empty if there is none
	Troubles []string
	Off      bool
	Title    string
	Glance   map[string]string
	Sections map[string]section
}

type section struct {
	Title, Count, Status, Reading, Empty string
	Notes                                []string
	Facts                                map[string]string
	Rows                                 []map[string]string // of all its tables
	More                                 string              // what the button offers
}

// unknown is how the page's text reads where the page marks it as unknown, so
// that it is told from a text that happens to say so.
const unknown = "\x00unknown"

//go:embed testdata/shown.js
var readShown string

func (b *tab) shown() shown {
	b.t.Helper()
	return eval[shown](b, readShown)
}

// open opens the page and waits for its first answer.
func (b *tab) open(address string) shown {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.Navigate(address)))
	return b.until(func(s shown) bool { return s.Answers > 0 }, "the page shows an answer")
}

// next makes the page ask at once, as it does when its tab is looked at again,
// and waits for the answer.
func (b *tab) next() shown {
	b.t.Helper()
	before := b.shown().Answers
	b.do(`void document.dispatchEvent(new Event('visibilitychange'))`)
	return b.until(func(s shown) bool { return s.Answers > before }, "the page shows another answer")
}

// until waits until what is shown satisfies a condition, and returns it.
func (b *tab) until(holds func(shown) bool, what string) shown {
	b.t.Helper()
	var last shown
	for b.ctx.Err() == nil {
		if last = b.shown(); holds(last) {
			return last
		}
		b.do(`new Promise((done) => setTimeout(done, 20))`)
	}
	require.Fail(b.t, "in vain: "+what, fmt.Sprintf("%+v", last))
	return shown{}
}
