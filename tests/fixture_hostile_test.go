package tests

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/contract/contracttest"
)

// playing is `api serve --fixture FILE`, as far as it came.
type playing struct {
	url     string // empty if it refused
	refused string // what it said then
	cmd     *exec.Cmd
}

// play starts the program over a fixture, and waits until it serves or ends.
func play(t *testing.T, file string, args ...string) playing {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t), append([]string{"serve", "--listen=127.0.0.1:0", "--fixture=" + file}, args...)...)
	cmd.Dir = t.TempDir()
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	limit := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		limit.Stop()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines, said := bufio.NewReader(stderr), ""
	for {
		line, err := lines.ReadString('\n')
		said += line
		if found := regexp.MustCompile(`msg=serving address=(\S+)`).FindStringSubmatch(line); found != nil {
			go func() { _, _ = lines.WriteTo(io.Discard) }()
			return playing{url: "http://" + found[1], cmd: cmd}
		}
		if err != nil {
			_ = cmd.Wait()
			require.Equal(t, 1, cmd.ProcessState.ExitCode(), said)
			return playing{refused: said, cmd: cmd}
		}
	}
}

// TestServe_FixtureOfExtremeClocks: whatever the clocks of a recording are, it is
// refused at the start, with what is wrong with it, or each answer is one.
func TestServe_FixtureOfExtremeClocks(t *testing.T) {
	t.Parallel()
	const normal = `{"schema_version":1,"clock":{"unix_ms":1780315200250,"boottime_ms":1,"boot_id":"b"},"stages":[]}`
	const largest, lowest = "9223372036854775807", "-9223372036854775808"
	for _, clock := range []string{
		largest, lowest, "253402300799999", "253402300800000", "-62167219200000", "-62167219200001", "9007199254740993", "-1", "0",
	} {
		for step, age := range map[string]string{"request": largest, "time": lowest} {
			t.Run(clock+" by "+step, func(t *testing.T) {
				t.Parallel()
				strange := fmt.Sprintf(`{"schema_version":1,"clock":{"unix_ms":%s,"boottime_ms":2,"boot_id":"b"},`+
					`"stages":[{"task_id":1,"stage":"s","age_in_stage_s":%s}],"agents":[{"job_id":1,"runtime_s":%s}]}`, clock, age, age)
				file := filepath.Join(t.TempDir(), "strange.jsonl")
				require.NoError(t, os.WriteFile(file, []byte(normal+"\n"+strange+"\n"+normal+"\n"), 0o600))
				p := play(t, file, "--fixture-step="+step)
				if p.url == "" {
					assert.Equal(t, 1, strings.Count(p.refused, "\n"), p.refused)
					assert.Contains(t, p.refused, file+": read fixture: answer 2: its time, ")
					return
				}
				transport := &http.Transport{}
				defer transport.CloseIdleConnections()
				for range 4 {
					response, err := (&http.Client{Transport: transport}).Get(p.url + "/metrics")
					require.NoError(t, err)
					body, err := io.ReadAll(response.Body)
					require.NoError(t, err)
					require.NoError(t, response.Body.Close())
					require.Equal(t, http.StatusOK, response.StatusCode, "%s", body)
					require.True(t, json.Valid(body))
					contracttest.Validate(t, body)
				}
			})
		}
	}
}

// TestServe_FixtureThatIsNoFile: a pipe that nobody writes would be waited for, for
// ever.
func TestServe_FixtureThatIsNoFile(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	for _, path := range []string{fifo, t.TempDir(), "/dev/zero"} {
		p := play(t, path)
		assert.Equal(t, "api: fixture "+path+": open fixture: it is not a regular file; write the recording to one\n", p.refused)
	}
}
