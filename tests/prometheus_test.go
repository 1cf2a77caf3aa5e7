package tests

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/fixture"
	exposition "github.com/orchmetrics/orchmetrics/adapters/prometheus"
	"github.com/orchmetrics/orchmetrics/adapters/replay"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// measured is a section with metrics of its own.
type measured struct{ failing }

func (measured) Metrics(_ context.Context, value json.RawMessage) ([]ports.Metric, error) {
	var bytes float64
	err := json.Unmarshal(value, &bytes)
	return []ports.Metric{{
		Name: "memory_bytes", Help: "Memory in use.", Type: ports.Gauge, Labels: []string{"name"},
		Points: []ports.Point{{Labels: []string{"a \"b\"\n"}, Value: bytes}},
	}}, err
}

// everything is a service that shows every family, two jobs that cannot be told
// apart, and texts that have broken readers.
func everything(t require.TestingT) http.Handler {
	at := time.UnixMilli(goldenTime - 90_000)
	hostile := "}\" 1\n# EOF\n\x00\\\u2028é" + strings.Repeat("x", 200)
	job := domain.RunningJob{
		ID: 21, RunID: new(int64(41)), Agent: new(hostile), Repo: new("core"), PID: new(int64(4242)), StartedAt: &at, Model: new("m"), Effort: new("high"),
		CostUSD: new(0.25), InputTokens: new(int64(1)), OutputTokens: new(int64(2)), CacheReadTokens: new(int64(3)), CacheCreationTokens: new(int64(4)),
		TaskID: new(int64(7)), WorkItem: new("ORCH-1"),
	}
	s := fixture.Sources{
		Now: domain.Instant{UnixMS: goldenTime, BoottimeMS: new(int64(7_200_250))}, ClkTck: new(int64(100)),
		Stages:  []domain.Task{{ID: 7, WorkItem: new("ORCH-1"), Stage: hostile, Repo: new("core"), StageSince: &at}},
		Counts:  domain.StatusCounts{"queued": 2, hostile: 1},
		Retries: &domain.Retries{RetriedJobs: 1, RetriesTotal: 2, MaxAttemptsSeen: 3},
		Jobs:    []domain.RunningJob{job, job, {ID: 22, PID: new(int64(1))}},
		Totals: &domain.CostTotals{
			Runs: 9, CostUSD: new(1.5), InputTokens: new(int64(1)), OutputTokens: new(int64(2)),
			CacheReadTokens: new(int64(3)), CacheCreationTokens: new(int64(4)),
		},
		ByModel: []domain.ModelCost{
			{Model: new(hostile), CostTotals: domain.CostTotals{Runs: 8, CostUSD: new(1.25), InputTokens: new(int64(1))}},
			{CostTotals: domain.CostTotals{Runs: 1, CostUSD: new(0.25)}},
		},
		Worker: &domain.Worker{Breaker: json.RawMessage(`{"state":"half_open"}`), MaxConcurrency: new(int64(4)), PollInterval: new(2.5), WorkerUpdatedAt: &at},
		Processes: map[int64]ports.Sample{4242: {CPUTicks: new(int64(150)), Process: &domain.Process{
			Status: domain.ProcessOK, StartedAt: &at, Threads: new(int64(2)), RSSBytes: new(int64(4096)), ChildrenCPUTicks: new(int64(25)),
			TreeCPUTicks: new(int64(175)), TreeProcesses: new(int64(2)), RunNS: new(int64(1_504_200_000)), TimeSlices: new(int64(5210)),
			ReadBytes: new(int64(90_000)), WrittenBytes: new(int64(800)), TreeRunNS: new(int64(1_750_000_001)), TreeTimeSlices: new(int64(6000)),
			TreeReadBytes: new(int64(90_001)), TreeWrittenBytes: new(int64(801)),
		}}},
		Extra: []ports.Section{
			measured{failing{"gpus", ports.Collected{Value: 4096, Rows: new(int64(1)), AsOf: &at, CountedAt: &at}, nil}},
			failing{"broken", nil, domain.CodeDBBusy},
		},
	}
	return handlerOver(t, s.Ports())
}

// askText returns the text form, of the sections in the query.
func askText(t *testing.T, handler http.Handler, query string) []byte {
	t.Helper()
	recorder := answer(t, handler, "/metrics/prometheus"+query)
	require.Equal(t, http.StatusOK, recorder.Code, recorder.Body)
	return recorder.Body.Bytes()
}

// series are the values of a text, by series, as the library's parser reads it.
func series(t *testing.T, text string) map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	require.NoError(t, err)
	found := map[string]float64{}
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			value := metric.GetGauge().GetValue()
			if family.GetType() == dto.MetricType_COUNTER {
				value = metric.GetCounter().GetValue()
			}
			found[name+encode(t, labels)] = value
		}
	}
	return found
}

// TestPromtool_AcceptsEveryAnswer: the demo's, and that of each step of each
// scenario.
func TestPromtool_AcceptsEveryAnswer(t *testing.T) {
	t.Parallel()
	promtool := needTool(t, "promtool")
	check := func(name string, text []byte) {
		cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
		cmd.Stdin = strings.NewReader(string(text))
		said, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", name, said)
		assert.Empty(t, string(said), name)
	}
	demo := startService(t, nil, "demo", "--tick=100ms")
	_, text := demo.get(t, "/metrics/prometheus")
	require.Contains(t, string(text), "orchestrator_agent_info{")
	check("demo", text)
	check("everything", askText(t, everything(t), ""))
	for _, scenario := range orchmetrics.Scenarios() {
		recording, err := replay.OpenScenario(scenario.Name)
		require.NoError(t, err)
		handler := replayOf(t, recording)
		for range recording.Steps() {
			check(scenario.Name, askText(t, handler, ""))
		}
	}
}

// TestPromtool_AcceptsExamples: the scrape configuration and the rules.
func TestPromtool_AcceptsExamples(t *testing.T) {
	t.Parallel()
	promtool := needTool(t, "promtool")
	for _, args := range [][]string{
		{"check", "config", "../deploy/prometheus/prometheus.yml"},
		{"check", "rules", "../deploy/prometheus/rules.yml"},
		{"check", "config", "../deploy/prometheus/hosts.yml"},
		{"check", "rules", "../deploy/prometheus/hosts.rules.yml"},
	} {
		said, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput()
		assert.NoError(t, err, "%s", said)
	}
}

// scrapeFor is how long the demo is scraped at least; `make prometheus` sets half
// a minute.
func scrapeFor(t *testing.T) time.Duration {
	t.Helper()
	set := os.Getenv("ORCHMETRICS_SCRAPE_FOR")
	if set == "" {
		return 5 * time.Second
	}
	least, err := time.ParseDuration(set)
	require.NoError(t, err)
	return least
}

// TestPrometheus scrapes the demo, and what has every family, with a real
// server, which then answers PromQL for each family, for each query of the
// dashboard and for each example rule.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	needTool(t, "prometheus")
	handler := everything(t)
	var compressed atomic.Bool
	all := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
		if w.Header().Get("Content-Encoding") == "gzip" {
			compressed.Store(true)
		}
	}))
	t.Cleanup(all.Close)
	server := startPrometheus(t, map[string]string{
		"demo":       startService(t, nil, "demo", "--tick=100ms").url,
		"everything": all.URL,
	})

	var queries []string
	for _, family := range exposition.Families() {
		queries = append(queries, family.Name+`{job="everything"}`)
		if !notInDemo(family.Name) {
			queries = append(queries, family.Name+`{job="demo"}`)
		}
	}
	queries = append(queries, `orchestrator_gpus_memory_bytes{job="everything"}`)
	queries = append(queries, dashboardQueries(t)...)
	queries = append(queries, ruleNames(t)...)
	queries = append(queries, `rate(orchestrator_agent_cpu_seconds_total{job="demo"}[30s]) > 0 or
		deriv(orchestrator_agent_tree_cpu_seconds{job="demo"}[30s]) > 0`) // an agent of the demo works
	server.answers(t, queries)

	least := scrapeFor(t).Seconds()
	server.answers(t, []string{fmt.Sprintf(`sum_over_time(up{job="demo"}[10m]) >= %g`, least)})
	assert.True(t, compressed.Load(), "it asks for gzip, and what it has it read from that")
	assert.True(t, server.knowsUnit(t, "orchestrator_agent_runtime_seconds"), "it was answered in OpenMetrics, which alone has units")
	want := series(t, string(askText(t, handler, "")))
	var got []sample
	server.waitFor(t, func() []string {
		if got = server.query(t, `{job="everything",__name__=~"orch(estrator|metrics)_.+"}`); len(got) != len(want) {
			return []string{fmt.Sprintf("%d series instead of %d", len(got), len(want))}
		}
		return nil
	})
	for _, sample := range got {
		name := sample.Metric["__name__"]
		for _, own := range []string{"__name__", "job", "instance"} {
			delete(sample.Metric, own)
		}
		value, known := want[name+encode(t, sample.Metric)]
		assert.True(t, known, "%s%v", name, sample.Metric)
		if name != "orchmetrics_section_duration_seconds" {
			assert.LessOrEqual(t, math.Abs(value-sample.value(t)), 1e-9*math.Abs(value), name)
		}
	}
}

// notInDemo tells whether the demo has no such family: its runs have no figures
// before they end, nothing in it fails, and it has no section of another team.
func notInDemo(family string) bool {
	return slices.Contains([]string{
		"orchestrator_run_cost_usd", "orchestrator_run_tokens", "orchmetrics_section_code",
		"orchmetrics_section_as_of_timestamp_seconds", "orchmetrics_section_metrics_up",
	}, family)
}

// labelValues is a query for the values of a label, which is Grafana's and no PromQL.
var labelValues = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)

// dashboardQueries are the queries of the dashboard's panels and variables, as
// Grafana would ask them.
func dashboardQueries(t *testing.T) []string {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Type, Definition string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, "deploy/grafana/orchmetrics.json")), &dashboard))
	var queries []string
	expr := func(query string) {
		query = strings.NewReplacer("$job", ".*", "$instance", ".*", "$__rate_interval", "30s").Replace(query)
		require.NotContains(t, query, "$", "a variable that the test does not know")
		queries = append(queries, query)
	}
	for _, variable := range dashboard.Templating.List {
		if variable.Type == "query" {
			require.Regexp(t, labelValues, variable.Definition)
			expr(labelValues.ReplaceAllString(variable.Definition, "count by ($2) ($1)"))
		}
	}
	ids := map[int]bool{}
	for _, panel := range dashboard.Panels {
		require.False(t, ids[panel.ID], "two panels have the id %d", panel.ID)
		ids[panel.ID] = true
		require.True(t, panel.Type == "row" || len(panel.Targets) > 0, panel.Title)
		for _, target := range panel.Targets {
			expr(target.Expr)
		}
	}
	require.NotEmpty(t, queries)
	return queries
}

// TestText_OfARealDatabase: the text is of the sources as JSON is, narrowed as it is,
// and off as it is.
func TestText_OfARealDatabase(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, "schema.sql", "busy.sql")
	handler := goldenHandler(t, database, workerFile(t), nil)
	var envelope domain.Envelope
	require.NoError(t, json.Unmarshal(ask(t, handler, "/metrics"), &envelope))
	got := series(t, string(askText(t, handler, "")))
	assert.InDelta(t, *envelope.Queue.Depth, got["orchestrator_queue_depth{}"], 0)
	assert.InDelta(t, *envelope.Cost.Aggregate.CostUSD, got["orchestrator_cost_usd{}"], 0)
	assert.InDelta(t, 1, got[`orchestrator_breaker_state{"state":"half_open"}`], 0)
	for _, agent := range envelope.Agents {
		if agent.CPUTicks != nil {
			labels := map[string]string{"job_id": strconv.FormatInt(agent.JobID, 10), "agent": *agent.Agent, "pid": strconv.FormatInt(*agent.PID, 10)}
			assert.InDelta(t, float64(*agent.CPUTicks)/100, got["orchestrator_agent_cpu_seconds_total"+encode(t, labels)], 1e-9)
		}
	}

	narrowed := string(askText(t, handler, "?section=queue"))
	assert.Contains(t, narrowed, "orchestrator_queue_depth ")
	assert.NotContains(t, narrowed, "orchestrator_runs ")
	assert.NotContains(t, narrowed, `section="cost"`)

	off := goldenHandler(t, database, "", func(cfg *orchmetrics.Config) { cfg.MetricsEnabled = false })
	assert.Equal(t, map[string]float64{"orchmetrics_enabled{}": 0}, series(t, string(askText(t, off, ""))))
}

// TestDashboard_ShowsEveryFamily: what is measured of the orchestrator can be seen.
func TestDashboard_ShowsEveryFamily(t *testing.T) {
	t.Parallel()
	shown := strings.Join(dashboardQueries(t), "\n")
	for _, family := range exposition.Families() {
		if strings.HasPrefix(family.Name, "orchestrator_") && family.Name != "orchestrator_agent_start_time_seconds" {
			assert.Contains(t, shown, family.Name+"{")
		}
	}
}

// ruleNames are what the example rules record.
func ruleNames(t *testing.T) []string {
	t.Helper()
	var names []string
	for line := range strings.Lines(read(t, "deploy/prometheus/rules.yml")) {
		if _, name, found := strings.Cut(line, "- record: "); found {
			names = append(names, strings.TrimSpace(name))
		}
	}
	require.NotEmpty(t, names)
	return names
}
