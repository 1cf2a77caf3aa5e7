package tests

import (
	"io/fs"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLinks: in every page each link to a file or a heading of this repository
// leads there. Of links to elsewhere only the form is looked at.
func TestLinks(t *testing.T) {
	t.Parallel()
	pages := pagesOfTheRepository(t)
	require.Contains(t, pages, "docs/operations.md")
	links := 0
	for page := range pages {
		for _, link := range linksOf(read(t, page)) {
			links++
			assert.Empty(t, brokenBecause(pages, page, link), "%s links to %s", page, link)
		}
	}
	assert.Greater(t, links, 50)
}

// TestLinks_CatchesBroken: the check is worth only what it catches.
func TestLinks_CatchesBroken(t *testing.T) {
	t.Parallel()
	pages := pagesOfTheRepository(t)
	for link, broken := range map[string]bool{
		"contract.md": false, "contract.md#how-to-read-it": false, "../README.md#the-api": false, "#codes": false, "adr/": false,
		"https://sqlite.org/wal.html": false,
		"absent.md":                   true, "contract.md#absent": true, "#absent": true, "../../elsewhere.md": true, "http://": true, "adr/README.md#codes": true,
	} {
		assert.Equal(t, broken, brokenBecause(pages, "docs/operations.md", link) != "", link)
	}
	assert.Equal(t, []string{"a.md", "b.md", "c.png"}, linksOf("[one](a.md) [in two\nlines](b.md \"title\") ![i](c.png) `[code](no.md)`\n```\n[block](no.md)\n```\n"))
	assert.Equal(t, []string{"tls-and-passwords", "a-section-in-go-in-this-repository", "ci", "ci-1"},
		anchorsOf("# TLS and passwords\n```sh\n# no heading\n```\n## A section in Go, in this repository\n## `ci`\n### [ci](x.md)\n"))
}

var (
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	inline  = regexp.MustCompile("`[^`\n]*`")
	linked  = regexp.MustCompile(`\]\(([^()\s]+)(?:\s+"[^"]*")?\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.*?) *$`)
)

// pagesOfTheRepository are all pages, each with the anchors of its headings.
func pagesOfTheRepository(t *testing.T) map[string][]string {
	t.Helper()
	pages := map[string][]string{}
	require.NoError(t, fs.WalkDir(os.DirFS(".."), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return fs.SkipDir
		case !entry.IsDir() && strings.HasSuffix(name, ".md"):
			pages[name] = anchorsOf(read(t, name))
		}
		return nil
	}))
	return pages
}

func linksOf(text string) (links []string) {
	for _, found := range linked.FindAllStringSubmatch(inline.ReplaceAllString(fenced.ReplaceAllString(text, ""), ""), -1) {
		links = append(links, found[1])
	}
	return links
}

// anchorsOf are the headings as GitHub names them: lower-case, without
// punctuation, hyphens for spaces, and a number for one that was there before.
func anchorsOf(text string) (anchors []string) {
	for _, found := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		words := regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(found[1], "$1")
		anchor := strings.ReplaceAll(regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(words), ""), " ", "-")
		for n, first := 1, anchor; slices.Contains(anchors, anchor); n++ {
			anchor = first + "-" + strconv.Itoa(n)
		}
		anchors = append(anchors, anchor)
	}
	return anchors
}

// brokenBecause says what is wrong with a link of a page; nothing if nothing is.
func brokenBecause(pages map[string][]string, page, link string) string {
	address, err := url.Parse(link)
	switch {
	case err != nil:
		return err.Error()
	case address.Scheme != "":
		if (address.Scheme == "https" || address.Scheme == "http") && address.Host != "" {
			return ""
		}
		return "not an address"
	}
	target := page
	if address.Path != "" {
		target = path.Join(path.Dir(page), address.Path)
		if _, err := fs.Stat(os.DirFS(".."), target); err != nil {
			return "there is no such file"
		}
	}
	if address.Fragment != "" && !slices.Contains(pages[target], address.Fragment) {
		return "there is no such heading"
	}
	return ""
}
