package tests

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSidecar_ReadsTheDemo runs the example beside the demo until it has seen a
// busy agent, and one whose tree is busy, and stops it as a person would.
func TestSidecar_ReadsTheDemo(t *testing.T) {
	t.Parallel()
	sidecar := filepath.Join(t.TempDir(), "sidecar")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-w", "-o", sidecar, "../examples/sidecar")
	build.Stderr = os.Stderr
	require.NoError(t, build.Run())
	s := startService(t, []string{"TMPDIR=" + t.TempDir()}, "demo", "--tick=200ms")

	cmd := exec.CommandContext(t.Context(), sidecar, "--url", s.url+"/metrics", "--every", "100ms")
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	deadline := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer deadline.Stop()

	line := regexp.MustCompile(`^agent=(?:\S+) job=[0-9]+ pid=(?:[0-9]+|-) own=(-|[0-9]+\.[0-9]{2}) tree=(-|[0-9]+\.[0-9]{2}) does=\S+ quiet=\S+$`)
	var own, tree bool
	var seen []string
	for lines := bufio.NewScanner(stdout); (!own || !tree) && lines.Scan(); {
		seen = append(seen, lines.Text())
		found := line.FindStringSubmatch(lines.Text())
		require.NotNil(t, found, lines.Text())
		own = own || share(found[1]) > 0
		tree = tree || share(found[2]) > 0
		assert.Less(t, share(found[1]), 64.0, "a share, not a count of ticks")
	}
	require.True(t, own && tree, "no busy agent in %d lines, the last of which are %q", len(seen), seen[max(0, len(seen)-5):])

	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait(), "Ctrl-C ends it in order")
}

func share(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0 // unknown
	}
	return value
}
