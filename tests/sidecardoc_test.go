package tests

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
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
	require.Len(t, code, 2)
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
	var named domain.Agent
	require.NoError(t, json.Unmarshal([]byte(regexp.MustCompile("(?s)<!-- agent: refs -->\n```json\n(.*?)```").FindStringSubmatch(page)[1]), &named))
	assert.Equal(t, []int64{numberOf(*named.JobRef), numberOf(*named.RunRef), numberOf(*named.TaskRef)}, []int64{named.JobID, *named.RunID, *named.TaskID})

	assert.Less(t, strings.Count(example, "\n"), 300, "says the page")
}

// TestSidecarPage_Programs: what the page has in shell and in Python runs as it is
// printed there, and says of each scenario what the scenario is.
func TestSidecarPage_Programs(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/sidecar.md")
	for _, program := range []string{"curl", "jq", "python3"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed (Debian: apt-get install curl jq python3-minimal)", program)
		}
	}
	block := func(language string) string {
		return regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindStringSubmatch(page)[1]
	}
	shell, python := block("sh"), block("python")
	// run is the first lines that a program says of a service.
	run := func(lines int, url string, program ...string) (said []string) {
		cmd := exec.CommandContext(t.Context(), program[0], program[1:]...)
		cmd.Env = append(os.Environ(), "METRICS_URL="+url+"/metrics", "EVERY=0.01", "STUCK_AFTER=20")
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		for scanner := bufio.NewScanner(out); len(said) < lines && scanner.Scan(); {
			said = append(said, scanner.Text())
		}
		_ = cmd.Process.Kill() // the one in Python polls for ever
		_ = cmd.Wait()
		return said
	}
	const steps = 6 // answers of each of these scenarios
	for scenario, want := range map[string]string{
		"on-a-timer": "alive", "waiting-on-child": "alive", "deadlocked": "stuck", "blocked-read": "stuck", "stopped": "stopped",
		"pid-reused": "a stranger's pid",
	} {
		play := func() string { return startService(t, nil, "serve", "--fixture", "scenario:"+scenario).url }
		said := run(steps, play(), "python3", "-c", python)
		require.Len(t, said, steps)
		assert.Regexp(t, `^job 21 \S+ `+want+`$`, said[steps-1], "%s: %q", scenario, said)
		assert.Regexp(t, `^job 21 \S+ pid 4242 ok$`, run(1, play(), "sh", "-c", shell)[0])
	}
	play := func() string { return startService(t, nil, "serve", "--fixture", "scenario:another-host").url }
	assert.Equal(t, []string{"job run-7f3a t_0000002a new", "job run-81c0 t_00000031 elsewhere"}, run(2, play(), "python3", "-c", python))
	assert.Equal(t, []string{"job run-7f3a t_0000002a pid 4242 ok", "job run-81c0 t_00000031 pid 4242 remote"}, run(2, play(), "sh", "-c", shell))

	off := startService(t, []string{"ORCH_METRICS_ENABLED=false"}, "serve").url
	for _, program := range [][]string{{"python3", "-c", python}, {"sh", "-c", shell}} {
		assert.Equal(t, []string{"switched off"}, run(1, off, program...))
	}
	gone := startService(t, []string{"ORCH_DB=/nonexistent.db"}, "serve").url
	for _, program := range [][]string{{"python3", "-c", python}, {"sh", "-c", shell}} {
		assert.Equal(t, []string{"agents are unknown: failed"}, run(1, gone, program...))
	}
	assert.Contains(t, run(1, "http://127.0.0.1:1", "python3", "-c", python)[0], "no answer:")
}
