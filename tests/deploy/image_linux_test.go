package deploy

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestImage runs the image as Dockerfile lays it out, in an empty root directory:
// no shell, no library, no network, no file that can be written, a user without a
// name. Another user's process writes the database meanwhile.
func TestImage(t *testing.T) {
	image := parseDockerfile(t)
	built := buildAsDocker(t, image)
	data := newData(t)
	writer := startWriter(t, filepath.Join(data, "orchestrator.db"))
	agent := exec.Command("sleep", "600")
	require.NoError(t, agent.Start())
	t.Cleanup(func() { _ = agent.Process.Kill(); _ = agent.Wait() })
	writer.run(t, `INSERT INTO tasks (id, work_item_id, stage) VALUES (7, 'ORCH-7', 'review');
		INSERT INTO agent_runs (id, model, cost_usd, input_tokens) VALUES (5, 'claude-opus-4-8', 1.25, 1000);
		INSERT INTO jobs (id, agent, status, run_id, pid, started_at) VALUES (21, 'developer', 'running', 5, `+strconv.Itoa(agent.Process.Pid)+`, datetime('now'));`)

	c := newContainer(t, image, built, data, unix.MS_RDONLY)
	assert.ElementsMatch(t, []string{"api", "data", "proc"}, c.files(t, "/"))
	before := fingerprint(t, data)
	began := time.Now()
	var log bytes.Buffer
	service := c.start(t, image.command, &log)
	client := c.client(t)
	url := "http://127.0.0.1" + image.env["ORCH_LISTEN"]
	waitFor(t, client, url+"/livez", &log)
	t.Logf("it answered %d ms after it was started", time.Since(began).Milliseconds())

	first := metrics(t, client, url)
	for key, report := range first.Sections {
		assert.Equal(t, "ok", report.Status, "%s: %v", key, report.Code)
	}
	assert.Equal(t, "ORCH-7", first.Stages[0].WorkItem)
	assert.Equal(t, map[string]int{"queued": 0, "running": 1, "done": 0, "failed": 0, "cancelled": 0}, first.Queue.Counts)
	assert.InDelta(t, 1.25, first.Cost.Aggregate["cost_usd"], 0)
	assert.InDelta(t, 1000, first.Cost.Aggregate["input_tokens"], 0)
	require.Len(t, first.Agents, 1)
	assert.Equal(t, agent.Process.Pid, first.Agents[0].PID)
	assert.Equal(t, "ok", first.Agents[0].Process.Status)
	assert.Equal(t, startTicks(t, agent.Process.Pid), first.Agents[0].Process.StartTicks)
	assert.Equal(t, version+"+"+commit+".20260601T120000Z", first.Instance.Version)
	assert.Equal(t, before, fingerprint(t, data), "nothing was written")

	writer.run(t, `UPDATE jobs SET status='done' WHERE id=21;`)
	second := metrics(t, client, url)
	assert.Equal(t, 1, second.Queue.Counts["done"], "what is committed meanwhile is seen")
	assert.Empty(t, second.Agents)

	healthy := c.start(t, image.health, &log)
	require.NoError(t, healthy.Wait(), "Dockerfile's HEALTHCHECK: %s", &log)

	require.NoError(t, service.Process.Signal(syscall.SIGTERM))
	require.NoError(t, service.Wait(), "docker stop ends it in order: %s", &log)
	unhealthy := c.start(t, image.health, io.Discard)
	require.Error(t, unhealthy.Wait(), "and then it is not healthy")
}

// TestImage_WritableMount: it is the mount that makes another owner's directory
// fit to be read.
func TestImage_WritableMount(t *testing.T) {
	image := parseDockerfile(t)
	data := newData(t)
	startWriter(t, filepath.Join(data, "orchestrator.db"))
	c := newContainer(t, image, buildAsDocker(t, image), data, 0)
	var log bytes.Buffer
	c.start(t, image.command, &log)
	client, url := c.client(t), "http://127.0.0.1"+image.env["ORCH_LISTEN"]
	waitFor(t, client, url+"/livez", &log)
	assert.Equal(t, "db_permission", metrics(t, client, url).Sections["stages"].Code)
}

// envelope is what the tests read of an answer.
type envelope struct {
	Stages []struct {
		WorkItem string `json:"work_item"`
	}
	Queue  struct{ Counts map[string]int }
	Agents []struct {
		PID     int
		Process struct {
			Status     string
			StartTicks int64 `json:"start_ticks"`
		}
	}
	Cost     struct{ Aggregate map[string]float64 }
	Instance struct{ Version string }
	Sections map[string]struct{ Status, Code string }
}

func metrics(t *testing.T, client *http.Client, url string) (e envelope) {
	t.Helper()
	response, err := client.Get(url + "/metrics")
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	schema, err := jsonschema.NewCompiler().Compile("../../docs/schema/v1.json")
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(value))
	require.NoError(t, json.Unmarshal(body, &e))
	return e
}

func waitFor(t *testing.T, client *http.Client, url string, log *bytes.Buffer) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		response, err := client.Get(url)
		if err == nil {
			response.Body.Close()
			return
		}
		require.True(t, time.Now().Before(deadline), "it does not serve: %v: %s", err, log)
	}
}

func (c *container) files(t *testing.T, path string) (names []string) {
	t.Helper()
	c.do(t, func() error {
		entries, err := os.ReadDir(c.root + path)
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		return err
	})
	return names
}

// startTicks is field 22 of /proc/PID/stat, see proc(5).
func startTicks(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	require.NoError(t, err)
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	ticks, err := strconv.ParseInt(fields[22-3], 10, 64)
	require.NoError(t, err)
	return ticks
}
