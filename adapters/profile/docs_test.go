package profile

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const page = "../../docs/profiles.md"

// TestGoldenColumns: the table of columns in the page is that of the format.
func TestGoldenColumns(t *testing.T) {
	var table strings.Builder
	table.WriteString("| query | rows | column | type | shown as |\n|---|---|---|---|---|\n")
	for _, f := range forms() {
		rows := strings.TrimSuffix(f.help, ".")
		for _, c := range f.columns {
			what := string(c.kind)
			switch {
			case c.instead != "":
				what += ", needed, or `" + c.instead + "`"
			case c.required:
				what += ", needed"
			}
			fmt.Fprintf(&table, "| `%s` | %s | `%s` | %s | `%s` |\n", f.key, rows, c.name, what, c.shows)
			rows = ""
		}
	}
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	marked := regexp.MustCompile(`(?s)<!-- columns -->\n.*<!-- /columns -->`)
	require.True(t, marked.Match(text))
	want := marked.ReplaceAllLiteralString(string(text), "<!-- columns -->\n"+table.String()+"<!-- /columns -->")
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o600))
		return
	}
	assert.Equal(t, want, string(text), "run make golden")
}

// TestPage_NamesEachProfile: each that comes with the program has its page.
func TestPage_NamesEachProfile(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, name := range Names() {
		assert.Contains(t, string(text), fmt.Sprintf("| [`%[1]s`](profiles/%[1]s.md) |", name))
		own, err := os.ReadFile("../../docs/profiles/" + name + ".md")
		require.NoError(t, err)
		assert.Contains(t, string(own), "ORCH_PROFILE="+name)
		for _, section := range []string{"## Where it lies", "## What is shown", "## As a service"} {
			assert.Contains(t, string(own), section, name)
		}
	}
}
