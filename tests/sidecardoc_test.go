package tests

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// TestSidecarPage: the code of docs/sidecar.md is that of the example, its
// arithmetic is right, and its scenarios exist.
func TestSidecarPage(t *testing.T) {
	t.Parallel()
	page, example := read(t, "docs/sidecar.md"), read(t, "examples/sidecar/main.go")
	code := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(page, -1)
	require.Len(t, code, 3)
	for _, found := range code {
		assert.Contains(t, example, found[1])
	}

	var answers [2]domain.Envelope
	shown := regexp.MustCompile("(?s)<!-- envelope: (?:first|second) -->\n```json\n(.*?)```").FindAllStringSubmatch(page, -1)
	require.Len(t, shown, len(answers))
	for i := range answers {
		require.NoError(t, json.Unmarshal([]byte(shown[i][1]), &answers[i]))
	}
	before, after := answers[0].Agents[0], answers[1].Agents[0]
	seconds := float64(*after.Process.SampledBoottimeMS-*before.Process.SampledBoottimeMS) / 1000
	own, tree := *after.CPUTicks-*before.CPUTicks, *after.Process.TreeCPUTicks-*before.Process.TreeCPUTicks
	assert.Contains(t, page, fmt.Sprintf("(180 − 175) / 100 s in %g s, %.2f of a core", seconds, float64(own)/100/seconds))
	assert.Contains(t, page, fmt.Sprintf("(3875 − 3390) / 100 s, %.2f of a core", float64(tree)/100/seconds))

	scenarios := regexp.MustCompile(`scenario:([a-z-]+)`).FindAllStringSubmatch(page, -1)
	require.NotEmpty(t, scenarios)
	for _, scenario := range scenarios {
		_, err := fs.Stat(os.DirFS("../adapters/replay/scenarios"), scenario[1]+".jsonl")
		require.NoError(t, err)
	}
	assert.Less(t, strings.Count(example, "\n"), 150, "says the page")
}
