package tests

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
)

// settings returns the default of every environment variable of Config.
func settings() map[string]string {
	found := map[string]string{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[orchmetrics.Config]()) {
		if name := field.Tag.Get("env"); name != "" {
			found[name] = field.Tag.Get("default")
		}
	}
	return found
}

// TestSettings_Documented: README and .env.example have every setting with its
// default, and no page names a setting that does not exist.
func TestSettings_Documented(t *testing.T) {
	t.Parallel()
	readme, example := read(t, "README.md"), read(t, ".env.example")
	known := settings()
	require.NotEmpty(t, known)
	for name, standard := range known {
		row, line := "`"+name+"` | "+standard+" |", "\n"+name+"="+standard+"\n"
		if standard == "" {
			row, line = "`"+name+"` | unset |", "\n# "+name+"="
		}
		assert.Contains(t, readme, row)
		assert.Contains(t, example, line)
	}

	pages, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	installs, err := filepath.Glob("../deploy/*/*")
	require.NoError(t, err)
	pages = append(append(pages, installs...), "../README.md", "../.env.example", "../CONTRIBUTING.md", "../CHANGELOG.md", "../Dockerfile")
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, name := range regexp.MustCompile(`ORCH_[A-Z_]+[A-Z]`).FindAllString(string(text), -1) {
			assert.Contains(t, known, name, "%s documents a setting that does not exist", page)
		}
	}
}

// TestReadme_Size: the newcomer's page stays short.
func TestReadme_Size(t *testing.T) {
	t.Parallel()
	assert.LessOrEqual(t, strings.Count(read(t, "README.md"), "\n"), 200)
}

// TestEnvExample_NothingElse: every line of .env.example is a comment or a setting.
func TestEnvExample_NothingElse(t *testing.T) {
	t.Parallel()
	var names []string
	for line := range strings.Lines(read(t, ".env.example")) {
		line = strings.TrimSpace(line)
		name, _, assigned := strings.Cut(strings.TrimPrefix(line, "# "), "=")
		if assigned && strings.HasPrefix(name, "ORCH_") {
			names = append(names, name)
			continue
		}
		assert.True(t, line == "" || strings.HasPrefix(line, "#"), line)
	}
	slices.Sort(names)
	assert.Len(t, slices.Compact(names), len(settings()))
}

// read returns a file of the project's root.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	require.NoError(t, err)
	return string(text)
}
