package tests

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/fixture"
	"github.com/orchmetrics/orchmetrics/adapters/replay"
	"github.com/orchmetrics/orchmetrics/contract/contracttest"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// replayed is an answer without what a replay does not repeat: which process
// answered.
func replayed(answer []byte) string {
	answer = regexp.MustCompile(`"instance":\{[^}]*\}`).ReplaceAll(answer, []byte(`"instance":{}`))
	return string(bytes.TrimSpace(answer))
}

// builtIn are the keys of sections that this repository has beside the core ones.
func builtIn(t require.TestingT) []string {
	var idle domain.Envelope
	require.NoError(t, json.Unmarshal(ask(t, handlerOver(t, fixture.Sources{}.Ports()), "/metrics"), &idle))
	var keys []string
	for _, extension := range idle.Extensions {
		keys = append(keys, extension.Key)
	}
	return keys
}

// requireReplayed plays a recording to the same requests, and compares each answer
// with its line.
func requireReplayed(t require.TestingT, recording string, query ...string) {
	read, err := replay.Read(strings.NewReader(recording))
	require.NoError(t, err)
	handler := replayOf(t, read)
	for line := range strings.Lines(recording) {
		require.Equal(t, replayed([]byte(line)), replayed(ask(t, handler, "/metrics"+strings.Join(query, ""))))
	}
}

// lossy answers as a source that had to leave something out.
type lossy struct {
	ports.StageSource
	ports.QueueSource
	ports.AgentSource
	ports.CostSource

	truncated bool
	anomalies [5]int64
	counted   [3]*time.Time
}

func (l *lossy) over(src ports.Sources) ports.Sources {
	l.StageSource, l.QueueSource, l.AgentSource, l.CostSource = src.Stages, src.Queue, src.Agents, src.Cost
	src.Stages, src.Queue, src.Agents, src.Cost = l, l, l, l
	return src
}

func (l *lossy) ActiveTasks(ctx context.Context) (ports.Reading[[]domain.Task], error) {
	reading, err := l.StageSource.ActiveTasks(ctx)
	reading.Truncated, reading.Anomalies = l.truncated, l.anomalies[0]
	return reading, err
}

func (l *lossy) StatusCounts(ctx context.Context) (ports.Reading[domain.StatusCounts], error) {
	reading, err := l.QueueSource.StatusCounts(ctx)
	reading.Truncated, reading.Anomalies, reading.CountedAt = l.truncated, l.anomalies[1], l.counted[0]
	return reading, err
}

func (l *lossy) Retries(ctx context.Context) (ports.Reading[*domain.Retries], error) {
	reading, err := l.QueueSource.Retries(ctx)
	reading.Anomalies, reading.CountedAt = l.anomalies[2], l.counted[1]
	return reading, err
}

func (l *lossy) RunningJobs(ctx context.Context) (ports.Reading[[]domain.RunningJob], error) {
	reading, err := l.AgentSource.RunningJobs(ctx)
	reading.Truncated, reading.Anomalies = l.truncated, l.anomalies[3]
	return reading, err
}

func (l *lossy) CostTotals(ctx context.Context) (ports.Reading[*domain.RunCosts], error) {
	reading, err := l.CostSource.CostTotals(ctx)
	reading.Anomalies, reading.CountedAt = l.anomalies[4], l.counted[2]
	return reading, err
}

// failing is a section of another team as it may be found in a recording.
type failing struct {
	key   string
	value any
	err   error
}

func (f failing) Key() string  { return f.key }
func (f failing) Default() any { return []int{} }

func (f failing) Collect(_ context.Context) (any, error) { return f.value, f.err }

// drawSources are any facts with any faults. They are of one host.
func drawSources(t *rapid.T, clkTck *int64) ports.Sources {
	faults := []error{
		nil, nil, nil, domain.CodeDBMissing, domain.CodeSchemaDrift, domain.CodeCounting, domain.CodeTimeout, domain.CodeStuck,
		domain.Code("a_code_of_their_own"), errors.New("anything"),
	}
	fault := func(name string) error { return rapid.SampledFrom(faults).Draw(t, name) }
	some := func(name string) bool { return rapid.Bool().Draw(t, name) }
	number := rapid.Ptr(rapid.Int64Range(0, 1<<40), true)
	seconds := rapid.OneOf(rapid.Int64Range(-1<<33, 1<<33), rapid.Just(int64(1)<<40)) // the last of which no answer can show
	when := rapid.Ptr(rapid.Map(seconds, func(s int64) time.Time { return time.Unix(s, 0) }), true)
	text := rapid.Ptr(rapid.String(), true)
	s := fixture.Sources{
		Now: domain.Instant{UnixMS: goldenTime + rapid.Int64Range(0, 3).Draw(t, "now"), BoottimeMS: number.Draw(t, "boot")}, ClkTck: clkTck,
		StagesErr: fault("stages"), CountsErr: fault("counts"), RetriesErr: fault("retries"), JobsErr: fault("jobs"),
		TotalsErr: fault("totals"), WorkerErr: fault("worker"), ProcessesErr: fault("processes"),
		Processes: map[int64]ports.Sample{},
	}
	if some("tasks") {
		s.Stages = []domain.Task{{ID: 1, WorkItem: text.Draw(t, "item"), Stage: rapid.String().Draw(t, "stage"), StageSince: when.Draw(t, "since")}, {ID: 2}}
	}
	if some("counted") {
		s.Counts = domain.StatusCounts{"queued": 3, rapid.String().Draw(t, "status"): 2}
	}
	if some("retried") {
		s.Retries = &domain.Retries{RetriedJobs: 1, RetriesTotal: 2, MaxAttemptsSeen: 3}
	}
	if some("running") {
		s.Jobs = []domain.RunningJob{
			{ID: 7, RunID: number.Draw(t, "run"), Agent: text.Draw(t, "agent"), PID: number.Draw(t, "pid"), StartedAt: when.Draw(t, "started"), InputTokens: number.Draw(t, "tokens"), CostUSD: rapid.Ptr(rapid.Float64(), true).Draw(t, "usd")},
			{ID: 8, Repo: text.Draw(t, "repo"), PID: new(int64(8)), Model: text.Draw(t, "model")},
		}
		s.Processes[8] = ports.Sample{CPUTicks: number.Draw(t, "ticks"), Process: &domain.Process{
			Status: domain.ProcessOK, StartedAt: when.Draw(t, "proc"),
			RunNS: number.Draw(t, "run"), TimeSlices: number.Draw(t, "slices"), ReadBytes: number.Draw(t, "read"), WrittenBytes: number.Draw(t, "written"),
			TreeRunNS: number.Draw(t, "tree run"), TreeTimeSlices: number.Draw(t, "tree slices"), TreeReadBytes: number.Draw(t, "tree read"),
			TreeWrittenBytes: number.Draw(t, "tree written"),
		}}
	}
	if some("cost") {
		s.ByModel = []domain.ModelCost{{Model: rapid.Ptr(rapid.String(), true).Draw(t, "model"), CostTotals: domain.CostTotals{Runs: 5}}}
		s.Totals = &domain.CostTotals{Runs: 5, CostUSD: rapid.Ptr(rapid.Float64(), true).Draw(t, "total")}
	}
	if some("known") {
		s.Worker = &domain.Worker{MaxConcurrency: number.Draw(t, "most"), WorkerUpdatedAt: when.Draw(t, "updated")}
	}
	s.Extra = []ports.Section{
		failing{"zz", ports.Collected{
			Value: []string{"<&>", "\u2028"}, Rows: new(int64(2)), Truncated: some("cut"),
			Anomalies: rapid.Int64Range(0, 2).Draw(t, "lost"), AsOf: when.Draw(t, "as of"), CountedAt: when.Draw(t, "zz counted"),
		}, fault("zz")},
		failing{"aa", nil, fault("aa")},
	}
	lossy := &lossy{truncated: some("truncated")}
	for i := range lossy.anomalies {
		lossy.anomalies[i] = rapid.Int64Range(0, 3).Draw(t, "anomalies")
	}
	for i := range lossy.counted {
		lossy.counted[i] = when.Draw(t, "counted at")
	}
	return lossy.over(s.Ports())
}

// TestReplay_EqualsTheRecording: any facts and any faults, with any sections
// disabled, and now and then switched off; served, recorded and served again. Two
// answers may be of the same instant.
func TestReplay_EqualsTheRecording(t *testing.T) {
	t.Parallel()
	keys := []string{"stages", "queue", "agents", "cost", "zz", "aa"}
	rapid.Check(t, func(t *rapid.T) {
		clkTck := rapid.Ptr(rapid.Int64Range(1, 1000), true).Draw(t, "clk_tck")
		query := rapid.SampledFrom([]string{"", "", "?section=agents", "?section=cost&section=stages", "?section=zz&section=queue"}).Draw(t, "query")
		var recording strings.Builder
		for range rapid.IntRange(1, 4).Draw(t, "answers") {
			if rapid.IntRange(0, 4).Draw(t, "off") == 0 {
				recording.WriteString(`{"schema_version":1,"enabled":false}` + "\n")
				continue
			}
			disabled := slices.DeleteFunc(slices.Clone(keys), func(string) bool { return rapid.IntRange(0, 5).Draw(t, "enabled") > 0 })
			recording.Write(append(ask(t, handlerOver(t, drawSources(t, clkTck), disabled...), "/metrics"+query), '\n'))
		}
		requireReplayed(t, recording.String(), query)
	})
}

// TestReplay_OfTheKillSwitch: while the recorded service was off it refused no
// key. One that it refuses now costs the recording no step.
func TestReplay_OfTheKillSwitch(t *testing.T) {
	t.Parallel()
	const off = `{"schema_version":1,"enabled":false}`
	on := string(ask(t, handlerOver(t, fixture.Sources{}.Ports()), "/metrics"))
	recording, err := replay.Read(strings.NewReader(off + on + off))
	require.NoError(t, err)
	handler := replayOf(t, recording)
	require.Equal(t, off, string(ask(t, handler, "/metrics?section=anything")))
	require.Equal(t, http.StatusBadRequest, answer(t, handler, "/metrics?section=anything").Code)
	require.Equal(t, replayed([]byte(on)), replayed(ask(t, handler, "/metrics")))
	require.Equal(t, off, string(ask(t, handler, "/metrics?section=anything&section=queue")))
	require.Contains(t, answer(t, handler, "/metrics/prometheus?section=anything").Body.String(), "orchmetrics_enabled 0")

	cfg := fixtureConfig()
	cfg.MetricsEnabled = false
	server, err := orchmetrics.InitializeReplay(cfg, orchmetrics.Fixture{Recording: recording})
	require.NoError(t, err)
	for range 3 { // this service's own: nothing is played
		require.Equal(t, off, string(ask(t, server.Handler(), "/metrics?section=anything")))
	}
}

// TestReplay_OfARealDatabase: anomalies, odd cells and narrowed answers too.
func TestReplay_OfARealDatabase(t *testing.T) {
	t.Parallel()
	for _, sources := range [][]string{{"schema.sql", "busy.sql"}, {"schema.sql"}, {"schema.sql", "busy.sql", "drop_runs.sql"}} {
		live := goldenHandler(t, newDatabase(t, sources...), workerFile(t), nil)
		for _, query := range []string{"", "?section=agents", "?section=cost", "?section=queue&section=stages"} {
			requireReplayed(t, string(ask(t, live, "/metrics"+query)), query)
		}
	}
}

// TestReplay_OfGoldens: every answer that a golden shows is a fixture.
func TestReplay_OfGoldens(t *testing.T) {
	t.Parallel()
	goldens, err := filepath.Glob("testdata/golden/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, goldens)
	for _, path := range goldens {
		var line bytes.Buffer
		require.NoError(t, json.Compact(&line, []byte(read(t, "tests/"+path))))
		query := ""
		if filepath.Base(path) == "narrowed.json" {
			query = "?section=queue&section=stages"
		}
		requireReplayed(t, line.String(), query)
	}
}

// TestReplay_BesideOwnSections: sections in Go and drop-ins come beside what was
// recorded, which keeps its keys.
func TestReplay_BesideOwnSections(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	recording := filepath.Join(dir, "recording.jsonl")
	sections := fixture.Sources{Extra: []ports.Section{failing{key: "zz", value: "recorded"}, failing{key: "yy", value: "recorded"}}}
	require.NoError(t, os.WriteFile(recording, ask(t, handlerOver(t, sections.Ports()), "/metrics"), 0o600))
	for _, name := range []string{"yy.json", "of_file.json"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(`"live"`), 0o600))
	}
	played, err := orchmetrics.OpenFixture(recording, orchmetrics.FixtureOptions{})
	require.NoError(t, err)
	played.Extra = []ports.Section{failing{key: "zz", value: "live"}, failing{key: "in_go", value: "live"}}
	cfg := fixtureConfig()
	cfg.SectionsDir = dir
	server, err := orchmetrics.InitializeReplay(cfg, played)
	require.NoError(t, err)

	handler := server.Handler()
	var envelope domain.Envelope
	require.NoError(t, json.Unmarshal(ask(t, handler, "/metrics"), &envelope))
	values, codes := map[string]string{}, map[string]domain.Code{}
	for _, extension := range envelope.Extensions {
		require.NotContains(t, values, extension.Key, "each key once")
		values[extension.Key] = string(extension.Value)
	}
	maps.DeleteFunc(values, func(key, _ string) bool { return slices.Contains(builtIn(t), key) })
	for key, report := range envelope.Sections {
		if report.Code != nil {
			codes[key] = *report.Code
		}
	}
	require.Equal(t, map[string]string{"zz": `"recorded"`, "yy": `"recorded"`, "in_go": `"live"`, "of_file": `"live"`}, values)
	require.Equal(t, map[string]domain.Code{"yy.json": domain.CodeKeyRefused}, codes)
	require.Contains(t, string(ask(t, handler, "/metrics?section=zz&section=of_file")), `"zz":"recorded","of_file":"live"`)
}

// gauge is a section with a metric of its own and a schema.
type gauge struct{ failing }

func (gauge) Metrics(_ context.Context, value json.RawMessage) ([]ports.Metric, error) {
	number, err := strconv.ParseFloat(string(value), 64)
	return []ports.Metric{{Name: "value", Help: "Its value.", Type: ports.Gauge, Points: []ports.Point{{Value: number}}}}, err
}

func (gauge) Schema() json.RawMessage { return json.RawMessage(`{"type":"integer"}`) }

// TestReplay_AtEveryRoute: text, readiness and schema are those of what is played,
// and of the sections in Go beside it; each answer is a step.
func TestReplay_AtEveryRoute(t *testing.T) {
	t.Parallel()
	const steps = `{"schema_version":1,"queue":{"depth":1},"old":3}{"schema_version":1,"queue":{"depth":2},"old":4}{"schema_version":1,"queue":{"depth":3},"old":5}`
	recording, err := replay.Read(strings.NewReader(steps))
	require.NoError(t, err)
	extra := []ports.Section{gauge{failing{key: "old", value: 70}}, gauge{failing{key: "live", value: 80}}}
	server, err := orchmetrics.InitializeReplay(fixtureConfig(), orchmetrics.Fixture{Recording: recording, Extra: extra})
	require.NoError(t, err)
	handler := server.Handler()

	text := answer(t, handler, "/metrics/prometheus").Body.String()
	require.Contains(t, text, "\norchestrator_queue_depth 1\n")
	require.Contains(t, text, "\norchestrator_old_value 3\n", "of what was recorded")
	require.Contains(t, text, "\norchestrator_live_value 80\n")

	ready := answer(t, handler, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, ready.Code, "stages were not recorded")
	require.Contains(t, ready.Body.String(), `"stages":{"ready":false,"status":"failed","code":"not_recorded"}`)
	require.Contains(t, ready.Body.String(), `"live":{"ready":true,"status":"ok","code":null}`)

	body := ask(t, handler, "/metrics")
	require.Contains(t, string(body), `"depth":3`, "the third step")
	require.Contains(t, string(body), `"old":5,"live":80,`)
	require.Contains(t, string(body), `"started_at":"2026-06-01T12:00:01Z","version":"fixture"}`, "the process starts with its recording")
	schema := answer(t, handler, "/schema").Body.Bytes()
	require.NoError(t, contracttest.CheckAgainst(schema, body))
	require.Error(t, contracttest.CheckAgainst(schema, bytes.Replace(body, []byte(`"old":5`), []byte(`"old":"5"`), 1)))

	_, err = orchmetrics.InitializeReplay(fixtureConfig(), orchmetrics.Fixture{})
	require.ErrorContains(t, err, "OpenFixture")
	cfg := fixtureConfig()
	cfg.SectionsDisabled = []string{"olds"}
	_, err = orchmetrics.InitializeReplay(cfg, orchmetrics.Fixture{Recording: recording})
	require.ErrorContains(t, err, "there are stages, queue, agents, cost, old; did you mean old?")
}

// TestReplay_KnowsEveryStatus that the schema allows.
func TestReplay_KnowsEveryStatus(t *testing.T) {
	t.Parallel()
	var schema struct {
		Defs map[string]struct {
			Properties map[string]struct{ Enum []string }
		} `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, "docs/schema/v1.json")), &schema))
	for kind, answer := range map[string]string{
		"Process":       `{"schema_version":1,"agents":[{"job_id":1,"process":{"status":"%s"}}]}`,
		"SectionReport": `{"schema_version":1,"agents":[],"sections":{"agents":{"status":"%s"}}}`,
	} {
		statuses := schema.Defs[kind].Properties["status"].Enum
		require.GreaterOrEqual(t, len(statuses), 5, kind)
		for _, status := range statuses {
			_, err := replay.Read(strings.NewReader(strings.Replace(answer, "%s", status, 1)))
			require.NoError(t, err)
		}
	}
}
