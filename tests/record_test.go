package tests

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/contract/contracttest"
)

// TestRecord_EndsWithAWholeLine: Ctrl-C is how a recording of no set length ends.
func TestRecord_EndsWithAWholeLine(t *testing.T) {
	t.Parallel()
	s := startService(t, nil, "serve", "--fixture=scenario:busy", "--fixture-loop")
	cmd := exec.CommandContext(t.Context(), program(t), "record", "--every=1ms", "--for=0", "--url="+s.url)
	cmd.Dir, cmd.Stderr = t.TempDir(), os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(stdout)
	var recording []byte
	for range 20 {
		line, err := lines.ReadBytes('\n')
		require.NoError(t, err)
		recording = append(recording, line...)
	}
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait(), "it ends in order")

	recording = append(recording, rest...)
	assert.True(t, bytes.HasSuffix(recording, []byte("}\n")))
	for line := range bytes.Lines(recording) {
		contracttest.Validate(t, line)
	}
	requireReplayed(t, string(recording))
}

// TestServe_StepsOfAFixture: the flags mean what they say.
func TestServe_StepsOfAFixture(t *testing.T) {
	t.Parallel()
	const hours = `{"schema_version":1,"generated_at":"2026-06-01T12:00:00Z","stages":[]}
{"schema_version":1,"generated_at":"2026-06-01T13:00:00Z","stages":[]}`
	file := filepath.Join(t.TempDir(), "hours.jsonl")
	require.NoError(t, os.WriteFile(file, []byte(hours), 0o600))
	for args, want := range map[string][]string{
		"":                                   {"12:00", "13:00", "13:00"},
		"--fixture-step=request":             {"12:00", "13:00", "13:00"},
		"--fixture-loop":                     {"12:00", "13:00", "12:00"},
		"--fixture-step=time":                {"12:00", "12:00", "12:00"},
		"--fixture-step=time --fixture-loop": {"12:00", "12:00", "12:00"},
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			s := startService(t, nil, append([]string{"serve", "--fixture=" + file}, strings.Fields(args)...)...)
			var got []string
			for range want {
				at, isText := s.metrics(t)["generated_at"].(string)
				require.True(t, isText)
				got = append(got, at[len("2026-06-01T"):len("2026-06-01T12:00")])
			}
			assert.Equal(t, want, got)
		})
	}
}
