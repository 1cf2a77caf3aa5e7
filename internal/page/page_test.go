package page_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/page"
)

// limit is how much all files of the page may have together, in bytes.
const limit = 120_000

func TestFiles_Size(t *testing.T) {
	t.Parallel()
	files, err := page.Files("")
	require.NoError(t, err)
	size := 0
	for _, file := range files {
		size += len(file.Body)
	}
	t.Logf("%d files, %d bytes", len(files), size)
	assert.LessOrEqual(t, size, limit)
}

// TestFiles_LinkTemplate: what the operator sets is text in the page, whatever it is.
func TestFiles_LinkTemplate(t *testing.T) {
	t.Parallel()
	index := func(template string) string {
		files, err := page.Files(template)
		require.NoError(t, err)
		for _, file := range files {
			if file.Path == "/" {
				return string(file.Body)
			}
		}
		t.Fatal("there is no page")
		return ""
	}
	assert.Contains(t, index(""), `<meta name="link-template" content="">`)
	assert.Contains(t, index("https://tracker.example/browse/{work_item}"), `<meta name="link-template" content="https://tracker.example/browse/{work_item}">`)
	assert.Contains(t, index(`https://t.example/{work_item}?a="><script>&$1`),
		`<meta name="link-template" content="https://t.example/{work_item}?a=&#34;&gt;&lt;script&gt;&amp;$1">`)
}

func TestValidateLinkTemplate(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"https://tracker.example/browse/{work_item}", "http://10.0.0.7:8080/?q={work_item}&x=1", "HTTPS://tracker.example/#{work_item}",
		"https://tracker.example/{work_item}/log/{work_item}", "https://[::1]:80/{work_item}",
	} {
		require.NoError(t, page.ValidateLinkTemplate(good), good)
	}
	for bad, why := range map[string]string{
		"javascript:alert({work_item})":                 "http",
		"tracker.example/{work_item}":                   "http",
		"//tracker.example/{work_item}":                 "http",
		"data:text/html,{work_item}":                    "http",
		"https:///{work_item}":                          "http",
		"https:/{work_item}/x":                          "http",
		"{work_item}https://tracker.example/":           "http",
		"https://{work_item}/":                          "http",
		"{work_item}":                                   "http",
		"https://tracker.example/":                      "has no {work_item}",
		"https://tracker.example/{ticket}":              "has no {work_item}",
		"https://tracker.example/{work_item}/{repo}":    "brace",
		"https://{work_item}.example/":                  "before the path",
		"https://tracker.example:80{work_item}/":        "before the path",
		"https://tracker.example{work_item}":            "before the path",
		"https://user:word@tracker.example/{work_item}": "password",
		"https://{work_item}@tracker.example/":          "password",
		"https://tracker.example/\x7f{work_item}":       "http",
	} {
		assert.ErrorContains(t, page.ValidateLinkTemplate(bad), why, bad)
	}
}

// FuzzLinkTemplate: wherever a template leads, no ticket leads to another host.
func FuzzLinkTemplate(f *testing.F) {
	f.Add("https://tracker.example/browse/{work_item}", "evil.example/#")
	f.Add("https://{work_item}.example/", "evil.example/#")
	f.Add("https://a{work_item}/x", "@evil.example")
	f.Add("https:/{work_item}/x", "@evil.example")
	f.Fuzz(func(t *testing.T, template, ticket string) {
		if page.ValidateLinkTemplate(template) != nil {
			return // it is refused, and leads nowhere
		}
		without, err := url.Parse(strings.ReplaceAll(template, "{work_item}", ""))
		require.NoError(t, err)
		with, err := url.Parse(strings.ReplaceAll(template, "{work_item}", url.QueryEscape(ticket)))
		require.NoError(t, err)
		assert.Equal(t, without.Scheme, with.Scheme)
		assert.Equal(t, without.Host, with.Host)
		assert.Nil(t, with.User)
	})
}
