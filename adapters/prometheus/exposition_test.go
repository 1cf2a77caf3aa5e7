package exposition_test

import (
	"flag"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	exposition "github.com/orchmetrics/orchmetrics/adapters/prometheus"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 250_000_000, time.UTC)

// full has something in every field.
func full() domain.Envelope {
	report := domain.SectionReport{
		Status: domain.StatusDegraded, Code: new(domain.CodeDBBusy), DurationMS: 0.5, Rows: new(int64(1)), Truncated: true, Anomalies: 2,
		RecountedAt: &noon, AsOf: &noon,
	}
	return domain.Envelope{
		SchemaVersion: 1, GeneratedAt: noon, ClkTck: new(int64(100)),
		Stages: []domain.Stage{{WorkItem: new("ORCH-1"), Stage: "review", AgeInStageS: new(int64(-3)), Repo: new("core"), TaskID: 7}},
		Queue: &domain.Queue{
			Counts: domain.StatusCounts{"queued": 2, "parked": 1}, Depth: new(int64(2)),
			Retries: &domain.Retries{RetriedJobs: 1, RetriesTotal: 2, MaxAttemptsSeen: 3},
			Worker: domain.Worker{
				Breaker: []byte(`{"state":"half_open"}`), MaxConcurrency: new(int64(4)), PollInterval: new(2.5), WorkerUpdatedAt: &noon,
			},
		},
		Agents: []domain.Agent{{
			Agent: new("developer"), RunID: new(int64(41)), JobID: 21, Repo: new("core"), PID: new(int64(4242)), RuntimeS: new(int64(90)),
			Model: new("m"), Effort: new("high"), CPUTicks: new(int64(150)),
			Process: &domain.Process{
				Status: domain.ProcessOK, State: new("R"), StartTicks: new(int64(1)), StartedAt: &noon, Threads: new(int64(2)),
				RSSBytes: new(int64(4096)), ChildrenCPUTicks: new(int64(25)), TreeCPUTicks: new(int64(175)), TreeProcesses: new(int64(2)),
				StartedAfterJobS: new(int64(-3)), RunNS: new(int64(1_504_200_000)), TimeSlices: new(int64(5210)), ReadBytes: new(int64(90_000)),
				WrittenBytes: new(int64(800)), TreeRunNS: new(int64(1_750_000_001)), TreeTimeSlices: new(int64(6000)), TreeReadBytes: new(int64(90_001)),
				TreeWrittenBytes: new(int64(801)),
			},
			TaskID: new(int64(7)), WorkItem: new("ORCH-1"),
		}},
		Cost: &domain.Cost{
			Running: []domain.RunningCost{{
				RunID: new(int64(41)), JobID: 21, Agent: new("developer"), CostUSD: new(0.25), InputTokens: new(int64(1)),
				OutputTokens: new(int64(2)), CacheReadTokens: new(int64(3)), CacheCreationTokens: new(int64(4)),
			}},
			Aggregate: &domain.CostTotals{
				Runs: 9, CostUSD: new(1.5), InputTokens: new(int64(1)), OutputTokens: new(int64(2)), CacheReadTokens: new(int64(3)),
				CacheCreationTokens: new(int64(4)),
			},
			ByModel: []domain.ModelCost{
				{Model: new("m"), CostTotals: domain.CostTotals{Runs: 6, CostUSD: new(1.0), InputTokens: new(int64(1))}},
				{CostTotals: domain.CostTotals{Runs: 2, OutputTokens: new(int64(2))}},
				{Models: new(int64(1)), CostTotals: domain.CostTotals{Runs: 1, CostUSD: new(0.5), CacheCreationTokens: new(int64(4))}},
			},
		},
		Clock:    domain.Instant{UnixMS: noon.UnixMilli()},
		Instance: domain.Instance{ID: "ABC", StartedAt: noon.Truncate(time.Second), Version: "v1"},
		Sections: map[string]domain.SectionReport{"cost": report},
	}
}

// update makes the golden test rewrite its files: make golden.
var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden_Full: every family, as it is written, in both formats.
func TestGolden_Full(t *testing.T) {
	for format, golden := range map[ports.TextFormat]string{ports.PrometheusText: "full.txt", ports.OpenMetricsText: "full.openmetrics"} {
		got, refused := expose(t, full(), format, gpus(points(4096)))
		require.Empty(t, refused)
		if *update {
			require.NoError(t, os.WriteFile("testdata/"+golden, []byte(got), 0o600))
		}
		want, err := os.ReadFile("testdata/" + golden)
		require.NoError(t, err)
		assert.Equal(t, string(want), got, golden)
		for _, family := range exposition.Families() {
			name := family.Name
			if format == ports.OpenMetricsText {
				name = strings.TrimSuffix(name, "_total")
			}
			assert.Contains(t, got, "# TYPE "+name+" ", "full has every family")
		}
		assert.Len(t, parsedAs(t, got, format), len(parsed(t, got)), "the strict parser takes it")
	}
	text, _ := expose(t, full(), ports.PrometheusText)
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	require.NoError(t, err)
	assert.Empty(t, problems)
}

// TestFamilies: what each says of itself holds.
func TestFamilies(t *testing.T) {
	var names []string
	for _, f := range exposition.Families() {
		assert.NotContains(t, names, f.Name)
		names = append(names, f.Name)
		assert.Regexp(t, `^(orchestrator|orchmetrics)_[a-z_]+$`, f.Name)
		assert.Equal(t, f.Kind == exposition.Counter, strings.HasSuffix(f.Name, "_total"), f.Name)
		if f.Unit != "" {
			assert.True(t, strings.HasSuffix(strings.TrimSuffix(f.Name, "_total"), "_"+f.Unit), "%s: OpenMetrics wants the unit there", f.Name)
		}
		assert.NotEmpty(t, f.Absent, f.Name)
		assert.True(t, strings.HasSuffix(f.Help, "."), f.Name)
	}
}

// TestExpose_UnknownIsAbsent: an answer of which nothing is known claims nothing.
func TestExpose_UnknownIsAbsent(t *testing.T) {
	empty := domain.Envelope{
		SchemaVersion: 1, Agents: []domain.Agent{{JobID: 1, CPUTicks: new(int64(5)), Process: &domain.Process{Status: domain.ProcessGone}}},
		Queue: &domain.Queue{}, Cost: &domain.Cost{Running: []domain.RunningCost{{JobID: 1}}},
		Sections: map[string]domain.SectionReport{"queue": {Status: domain.StatusFailed}, "cost": {Status: domain.StatusDisabled}},
	}
	text, _ := expose(t, empty, ports.PrometheusText)
	var signal []string
	for series := range parsed(t, text) {
		if strings.HasPrefix(series, "orchestrator_") {
			signal = append(signal, series)
		}
	}
	slices.Sort(signal)
	assert.Equal(t, []string{
		`orchestrator_agent_info{job_id="1"}`,
		`orchestrator_agent_process_status{job_id="1",status="foreign"}`,
		`orchestrator_agent_process_status{job_id="1",status="gone"}`,
		`orchestrator_agent_process_status{job_id="1",status="hidden"}`,
		`orchestrator_agent_process_status{job_id="1",status="ok"}`,
		`orchestrator_agent_process_status{job_id="1",status="remote"}`,
		`orchestrator_agent_process_status{job_id="1",status="unsupported"}`,
		`orchestrator_agent_process_status{job_id="1",status="zombie"}`,
	}, signal, "without a tick's length no processor time")
	assert.Contains(t, text, `orchmetrics_section_up{section="queue"} 0`)
	assert.NotContains(t, text, `orchmetrics_section_up{section="cost"}`)
}

// TestExpose_KillSwitch: one series, and that one is no news of any source.
func TestExpose_KillSwitch(t *testing.T) {
	for _, format := range formats {
		text, _ := expose(t, domain.Envelope{SchemaVersion: 1, Disabled: true}, format)
		assert.Equal(t, map[string]float64{"orchmetrics_enabled{}": 0}, parsedAs(t, text, format))
	}
}

// TestExpose_Duplicates: the same id twice leaves a text that a reader takes.
func TestExpose_Duplicates(t *testing.T) {
	e := full()
	e.Agents = append(e.Agents, e.Agents[0], e.Agents[0])
	e.Agents[1].RuntimeS = new(int64(91))
	e.Stages = append(e.Stages, e.Stages[0])
	text, _ := expose(t, e, ports.PrometheusText)
	series := parsed(t, text) // refuses two of the same
	assert.InDelta(t, 90, series[`orchestrator_agent_runtime_seconds{agent="developer",job_id="21"}`], 0, "the first counts")
	assert.InDelta(t, 2+2*25, series[`orchmetrics_omitted_series{reason="duplicate"}`], 0)
}

// TestExpose_Statuses: however many statuses the jobs have, few are shown.
func TestExpose_Statuses(t *testing.T) {
	e := full()
	for i := range 1000 {
		e.Queue.Counts[strings.Repeat("x", i+1)] = 1
	}
	text, _ := expose(t, e, ports.PrometheusText)
	assert.Equal(t, 37, strings.Count(text, "\norchestrator_jobs{"))
	// Those of 129 bytes and more are one, once cut: 128 + 1 + parked are others.
	assert.Contains(t, text, `orchmetrics_omitted_series{reason="limit"} 98`)
}

// TestExpose_Labels: any text is one line of valid UTF-8.
func TestExpose_Labels(t *testing.T) {
	for sent, shown := range map[string]string{
		"a\xffb":                  "a\uFFFDb",
		"a\nb":                    "a\uFFFDb",
		"\x00":                    "\uFFFD",
		`a"b\`:                    `a"b\`,
		strings.Repeat("x", 128):  strings.Repeat("x", 128),
		strings.Repeat("x", 129):  strings.Repeat("x", 125) + "…",
		strings.Repeat("é", 2000): strings.Repeat("é", 62) + "…",
	} {
		e := full()
		e.Stages[0].Repo = &sent
		text, _ := expose(t, e, ports.PrometheusText)
		assert.True(t, utf8.ValidString(text))
		assert.Contains(t, parsed(t, text), seriesName("orchestrator_task_info", map[string]string{
			"task_id": "7", "stage": "review", "work_item": "ORCH-1", "repo": shown,
		}))
	}
}

func TestExpose_OtherFormat(t *testing.T) {
	_, _, err := exposition.New().Expose(full(), nil, "text/html")
	require.EqualError(t, err, `expose the snapshot: there is no format "text/html"`)
}

func gpus(metrics ...ports.Metric) ports.Measurement {
	return ports.Measurement{Key: "gpus", Metrics: metrics}
}

// points is a metric with a label and these values.
func points(values ...float64) ports.Metric {
	m := ports.Metric{Name: "memory_bytes", Help: "Memory in use.", Type: ports.Gauge, Labels: []string{"gpu"}}
	for i, value := range values {
		m.Points = append(m.Points, ports.Point{Labels: []string{string(rune('a' + i))}, Value: value})
	}
	return m
}

// TestExpose_BadSections: what is wrong with a section's metrics costs it all of
// them, and nobody else anything.
func TestExpose_BadSections(t *testing.T) {
	change := func(f func(*ports.Metric)) ports.Measurement {
		m := points(1, 2)
		f(&m)
		return gpus(points(7), ports.Metric{Name: "fine", Help: "Fine.", Type: ports.Gauge, Points: []ports.Point{{Value: 1}}}, m)
	}
	named := func(name string) ports.Measurement { return change(func(m *ports.Metric) { m.Name = name }) }
	for reason, bad := range map[string]ports.Measurement{
		"the name is used twice":              named("memory_bytes"),
		"the name \"Bytes\" is not":           named("Bytes"),
		"the name \"\" is not":                named(""),
		"the name \"a-b\" is not":             named("a-b"),
		"the name \"a\\n# EOF\" is not":       named("a\n# EOF"),
		"a counter, and of nothing else":      named("x_total"),
		"the type \"histogram\" is neither":   change(func(m *ports.Metric) { m.Name, m.Type = "x", "histogram" }),
		"there is no help":                    change(func(m *ports.Metric) { m.Name, m.Help = "x", "" }),
		"the label \"le=\" is malformed":      change(func(m *ports.Metric) { m.Name, m.Labels = "x", []string{"le="} }),
		"the label \"__name__\" is malformed": change(func(m *ports.Metric) { m.Name, m.Labels = "x", []string{"__name__"} }),
		"a value has 1 labels instead of 0":   change(func(m *ports.Metric) { m.Name, m.Labels = "x", nil }),
		"two values have the same labels":     change(func(m *ports.Metric) { m.Name, m.Points = "x", append(m.Points, m.Points[0]) }),
		"a value is not finite":               change(func(m *ports.Metric) { m.Name, m.Points[1].Value = "x", math.NaN() }),
		"there are more than 10000 values":    change(func(m *ports.Metric) { m.Name, m.Points = "x", make([]ports.Point, 10_001) }),
		"busy":                                {Key: "gpus", Err: domain.CodeDBBusy},
		"orchestrator_task_info: the name is used twice": {Key: "task", Metrics: []ports.Metric{
			{Name: "info", Help: "As ours.", Type: ports.Gauge, Points: []ports.Point{{Value: 1}}},
		}},
		"orchestrator_a_b_c: the name is used twice": {Key: "a", Metrics: []ports.Metric{
			{Name: "b_c", Help: "As that of a_b.", Type: ports.Gauge, Points: []ports.Point{{Value: 1}}},
		}},
	} {
		other := ports.Measurement{Key: "a_b", Metrics: []ports.Metric{{Name: "c", Help: "C.", Type: ports.Gauge, Points: []ports.Point{{Value: 3}}}}}
		for _, format := range formats {
			text, refused := expose(t, full(), format, other, bad)
			require.Len(t, refused, 1)
			require.ErrorContains(t, refused[bad.Key], reason)
			series := parsed(t, text)
			assert.InDelta(t, 0, series[seriesName("orchmetrics_section_metrics_up", map[string]string{"section": bad.Key})], 0)
			delete(series, seriesName("orchmetrics_section_metrics_up", map[string]string{"section": bad.Key}))
			alone, _ := expose(t, full(), format, other)
			assert.Equal(t, parsed(t, alone), series, reason)
		}
	}
}

// BenchmarkExpose is a text of ten thousand running jobs.
func BenchmarkExpose(b *testing.B) {
	e := full()
	for id := range int64(10_000) {
		a, r := e.Agents[0], e.Cost.Running[0]
		a.JobID, r.JobID = 10_000+id, 10_000+id
		e.Agents, e.Cost.Running = append(e.Agents, a), append(e.Cost.Running, r)
	}
	for _, format := range formats {
		b.Run(strings.SplitN(string(format), ";", 2)[0], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				text, _ := expose(b, e, format)
				b.SetBytes(int64(len(text)))
			}
		})
	}
}
