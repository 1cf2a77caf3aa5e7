package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

// manyHosts is an orchestrator with agents on several hosts, and the services beside it:
// one whole instance, and one a host, but for a host that nobody looks at.
type manyHosts struct {
	whole *service
	hosts map[string]*service
	// statuses are what is known of the process of each job, and pids its pid.
	statuses map[string]string
	pids     map[string]int
}

// agentsAlone is the setting of docs/hosts.md.
const agentsAlone = "ORCH_SECTIONS_DISABLED=stages,queue,cost"

func newManyHosts(t *testing.T) manyHosts {
	t.Helper()
	schema := postgrestest.NewSchema(t)
	w := newPostgresWriter(t, schema)
	busy, idle, own := startChild(t, "busy", "agent").Process.Pid, startChild(t, "idle", "agent").Process.Pid, startChild(t, "idle", "agent").Process.Pid
	w.run(`ALTER TABLE jobs ADD COLUMN host text;
		INSERT INTO tasks (stage) VALUES ('review'), ('coding'), ('done');
		INSERT INTO jobs (status) SELECT 'queued' FROM generate_series(1, 7);
		INSERT INTO jobs (id, agent, status, host, pid, started_at) VALUES
			(101, 'developer', 'running', 'build-1', %[1]d, now()), (102, 'developer', 'running', 'Build-2', %[2]d, now()),
			(103, 'tester', 'running', 'build-3', %[1]d, now()), (104, 'developer', 'running', 'control', %[3]d, now()),
			(105, 'tester', 'running', 'build-1', NULL, now()), (106, 'tester', 'running', 'build-2', 4194303, now())`, busy, idle, own)
	database := "ORCH_DB=" + schema.Reader()
	return manyHosts{
		whole: startService(t, []string{database, "ORCH_HOST=control"}, "serve"),
		hosts: map[string]*service{
			"build-1": startService(t, []string{database, "ORCH_HOST=build-1.example.org", agentsAlone}, "serve"),
			"build-2": startService(t, []string{database, "ORCH_HOST=build-2", agentsAlone}, "serve"),
		},
		statuses: map[string]string{"101": "ok", "102": "ok", "103": "remote", "104": "ok", "106": "gone"},
		pids:     map[string]int{"101": busy, "102": idle, "103": busy, "104": own, "106": 4194303},
	}
}

// TestHosts: what is of the queue is in one answer, each agent in all, and its process in
// that of its host. The command of docs/hosts.md puts them together.
func TestHosts(t *testing.T) {
	t.Parallel()
	h := newManyHosts(t)
	whole := h.whole.metrics(t)
	assert.Len(t, whole["stages"], 2)
	assert.InDelta(t, 7, valueAt(whole, "queue", "depth"), 0)
	urls := []string{h.whole.url + "/metrics"}
	for name, s := range h.hosts {
		urls = append(urls, s.url+"/metrics")
		envelope := s.metrics(t)
		assert.Empty(t, envelope["stages"])
		assert.Nil(t, envelope["queue"])
		assert.Nil(t, envelope["cost"])
		for key, report := range envelope["sections"].(map[string]any) {
			want := map[bool]string{true: "ok", false: "disabled"}[key == "agents"]
			assert.Equal(t, want, valueAt(report, "status"), "%s: %s", name, key)
		}
		require.Len(t, envelope["agents"], 6)
		for _, agent := range envelope["agents"].([]any) {
			job, host := fmt.Sprint(valueAt(agent, "job_id")), strings.ToLower(valueAt(agent, "host").(string))
			switch {
			case valueAt(agent, "pid") == nil:
				assert.Nil(t, valueAt(agent, "process"))
			case host == name:
				assert.Equal(t, h.statuses[job], valueAt(agent, "process", "status"), "%s: job %s", name, job)
			default:
				assert.Equal(t, "remote", valueAt(agent, "process", "status"), "%s: job %s", name, job)
				assert.Nil(t, valueAt(agent, "cpu_ticks"))
			}
		}
	}

	for _, program := range []string{"curl", "jq"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed (Debian: apt-get install curl jq)", program)
		}
	}
	script := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(read(t, "docs/hosts.md"))[1]
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Env = append(os.Environ(), "METRICS_URLS="+strings.Join(urls, " "))
	out, err := cmd.Output()
	require.NoError(t, err)
	var together []map[string]any
	require.NoError(t, json.Unmarshal(out, &together))
	require.Len(t, together, 6, "each agent once")
	for _, agent := range together {
		job := fmt.Sprint(agent["job_id"])
		status, _ := valueAt(agent, "process", "status").(string)
		assert.Equal(t, h.statuses[job], status, "job %s", job)
		assert.Equal(t, status == "ok", agent["cpu_ticks"] != nil, "job %s", job)
	}
}

// TestHosts_Prometheus: a real server that scrapes all of them records, by the rules of
// deploy/prometheus, a queue that is counted once, and each agent once.
func TestHosts_Prometheus(t *testing.T) {
	t.Parallel()
	needTool(t, "prometheus")
	h := newManyHosts(t)
	server := startPrometheus(t, map[string]string{
		"orchmetrics": h.whole.url, "orchmetrics-agents-1": h.hosts["build-1"].url, "orchmetrics-agents-2": h.hosts["build-2"].url,
	})
	var recorded []string
	for line := range strings.Lines(read(t, "deploy/prometheus/hosts.rules.yml")) {
		if _, name, found := strings.Cut(line, "- record: "); found {
			recorded = append(recorded, strings.TrimSpace(name))
		}
	}
	require.Len(t, recorded, 7)
	page := read(t, "docs/hosts.md")
	for _, name := range recorded {
		assert.Contains(t, page, "`"+name+"`")
	}
	// A busy agent tells that all of the rules were evaluated over several scrapes of it.
	server.answers(t, append(recorded, `orchestrator:agent_cpu:rate1m_once > 0.01`, `orchestrator:host_agent_tree_cpu:sum{host="build-1"} > 0.01`,
		`count(count by (job) (orchestrator_agent_info)) == 3`, `sum(orchestrator:host_agents:count) == 5`, `count(orchestrator:agent_cpu:rate1m_once) == 3`))

	found := map[string]float64{}
	for _, name := range recorded {
		for _, s := range server.query(t, name) {
			assert.NotContains(t, s.Metric, "instance")
			assert.NotContains(t, s.Metric, "job")
			key := name
			for _, label := range []string{"job_id", "host", "status"} {
				if value := s.Metric[label]; value != "" {
					key += " " + value
				}
			}
			assert.NotContains(t, found, key, "it is there twice")
			found[key] = s.value(t)
		}
	}
	assert.InDelta(t, 7, found["orchestrator:jobs:once queued"], 0)
	assert.InDelta(t, 6, found["orchestrator:jobs:once running"], 0)
	queued := server.query(t, `sum(orchestrator_jobs{status="queued"})`)
	require.Len(t, queued, 1)
	assert.InDelta(t, 7, queued[0].value(t), 0, "without a rule, too")
	infos := map[string]string{"101": "build-1", "102": "Build-2", "103": "build-3", "104": "control", "105": "build-1", "106": "build-2"}
	for job, host := range infos {
		assert.InDelta(t, 1, found["orchestrator:agent_info:once "+job+" "+host], 0)
	}
	for job, status := range h.statuses {
		assert.InDelta(t, 1, found["orchestrator:agent_process_status:once "+job+" "+status], 0, "job %s", job)
		_, rated := found["orchestrator:agent_cpu:rate1m_once "+job]
		assert.Equal(t, status == "ok", rated, "job %s", job)
	}
	for _, group := range []string{"build-1 ok", "Build-2 ok", "build-3 remote", "control ok", "build-2 gone"} {
		assert.InDelta(t, 1, found["orchestrator:host_agents:count "+group], 0, group)
	}
}
