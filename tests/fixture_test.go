package tests

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/fixture"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
	"github.com/orchmetrics/orchmetrics/tests/contracttest"
)

func fixtureConfig() orchmetrics.Config {
	return orchmetrics.Config{MetricsEnabled: true, Listen: "127.0.0.1:0", SectionTimeout: 10 * time.Second, LogLevel: 99, Version: "fixture"}
}

func handlerOver(t require.TestingT, src orchmetrics.Sources) http.Handler {
	server, err := orchmetrics.InitializeServerFrom(fixtureConfig(), src)
	require.NoError(t, err)
	return server.Handler()
}

func ask(t require.TestingT, handler http.Handler, target string) []byte {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, target, nil))
	require.Equal(t, http.StatusOK, recorder.Code, recorder.Body)
	return recorder.Body.Bytes()
}

// replayed is an answer without what a replay does not repeat: which process
// answered, and how long it took.
func replayed(answer []byte) string {
	answer = regexp.MustCompile(`"instance":\{[^}]*\}`).ReplaceAll(answer, []byte(`"instance":{}`))
	answer = regexp.MustCompile(`"duration_ms":[0-9.e-]+`).ReplaceAll(answer, []byte(`"duration_ms":0`))
	return string(bytes.TrimSpace(answer))
}

// requireReplayed plays a recording and compares each answer with its line.
func requireReplayed(t require.TestingT, recording string) {
	read, err := fixture.Read(strings.NewReader(recording))
	require.NoError(t, err)
	handler := handlerOver(t, read.Ports(fixture.Options{}))
	for line := range strings.Lines(recording) {
		require.Equal(t, replayed([]byte(line)), replayed(ask(t, handler, "/metrics")))
	}
}

// TestScenarios_AreWhatTheServiceAnswers: a scenario is its own golden. One that
// contradicts itself, such as rows that are not the list's length, fails here.
func TestScenarios_AreWhatTheServiceAnswers(t *testing.T) {
	t.Parallel()
	for _, scenario := range orchmetrics.Scenarios() {
		recording, err := os.ReadFile("../adapters/fixture/scenarios/" + scenario.Name + ".jsonl")
		require.NoError(t, err)
		requireReplayed(t, string(recording))
		for line := range bytes.Lines(recording) {
			contracttest.Validate(t, line)
		}
	}
}

// history plays a scenario to its end.
func history(t *testing.T, name string) []domain.Envelope {
	t.Helper()
	recording, err := fixture.OpenScenario(name)
	require.NoError(t, err)
	handler := handlerOver(t, recording.Ports(fixture.Options{}))
	envelopes := make([]domain.Envelope, recording.Steps())
	for i := range envelopes {
		require.NoError(t, json.Unmarshal(ask(t, handler, "/metrics"), &envelopes[i]))
		if i > 0 {
			assert.Equal(t, 5*time.Second, envelopes[i].GeneratedAt.Sub(envelopes[i-1].GeneratedAt), name)
		}
	}
	return envelopes
}

// TestScenarios_ShowWhatTheySay: what a sidecar would see in each.
func TestScenarios_ShowWhatTheySay(t *testing.T) {
	t.Parallel()
	first := func(e domain.Envelope) domain.Agent { return e.Agents[0] }
	grows := func(envelopes []domain.Envelope, ticks func(domain.Agent) *int64) int64 {
		return *ticks(first(envelopes[len(envelopes)-1])) - *ticks(first(envelopes[0]))
	}
	own := func(a domain.Agent) *int64 { return a.CPUTicks }
	tree := func(a domain.Agent) *int64 { return a.Process.TreeCPUTicks }
	for name, shows := range map[string]func(t *testing.T, e []domain.Envelope) bool{
		"idle": func(_ *testing.T, e []domain.Envelope) bool {
			return len(e[0].Agents) == 0 && e[0].Sections["agents"].Status == "ok"
		},
		"busy":             func(_ *testing.T, e []domain.Envelope) bool { return len(e[0].Agents) == 3 && grows(e, own) > 0 },
		"agent-stuck":      func(_ *testing.T, e []domain.Envelope) bool { return grows(e, own) == 0 && grows(e, tree) == 0 },
		"waiting-on-child": func(_ *testing.T, e []domain.Envelope) bool { return grows(e[:5], own) == 0 && grows(e[:5], tree) > 0 },
		"zombie": func(_ *testing.T, e []domain.Envelope) bool {
			return first(e[4]).Process.Status == domain.ProcessZombie
		},
		"pid-reused": func(_ *testing.T, e []domain.Envelope) bool {
			return first(e[2]).Process.Status == domain.ProcessGone && *first(e[0]).PID == *first(e[5]).PID &&
				*first(e[0]).Process.StartTicks < *first(e[5]).Process.StartTicks
		},
		"breaker-open": func(_ *testing.T, e []domain.Envelope) bool {
			return strings.Contains(string(e[2].Queue.Breaker), `"open"`)
		},
		"queue-piling-up": func(_ *testing.T, e []domain.Envelope) bool { return *e[5].Queue.Depth > 5**e[0].Queue.Depth },
		"database-gone": func(_ *testing.T, e []domain.Envelope) bool {
			return len(e[2].Agents) == 0 && e[2].Sections["agents"].Status == "failed" && e[2].Queue.MaxConcurrency != nil && e[5].Sections["agents"].Status == "ok"
		},
		"schema-drift": func(_ *testing.T, e []domain.Envelope) bool {
			return *e[4].Sections["cost"].Code == domain.CodeSchemaDrift && e[4].Cost.Aggregate == nil && len(e[4].Cost.Running) == 2
		},
	} {
		assert.True(t, shows(t, history(t, name)), name)
	}
	assert.Len(t, orchmetrics.Scenarios(), 10, "a new one has its line above")
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

// TestReplay_EqualsTheRecording_WhateverFailed: any facts and any faults, served,
// recorded and served again.
func TestReplay_EqualsTheRecording_WhateverFailed(t *testing.T) {
	t.Parallel()
	faults := []error{nil, nil, nil, domain.CodeDBMissing, domain.CodeSchemaDrift, domain.CodeTimeout, errors.New("anything")}
	rapid.Check(t, func(t *rapid.T) {
		fault := func(name string) error { return rapid.SampledFrom(faults).Draw(t, name) }
		some := func(name string) bool { return rapid.Bool().Draw(t, name) }
		number := rapid.Ptr(rapid.Int64Range(0, 1<<40), true)
		when := rapid.Ptr(rapid.Map(rapid.Int64Range(-1<<33, 1<<33), func(s int64) time.Time { return time.Unix(s, 0) }), true)
		text := rapid.Ptr(rapid.String(), true)
		s := fixture.Sources{
			Now: domain.Instant{UnixMS: goldenTime, BoottimeMS: number.Draw(t, "boot")}, ClkTck: number.Draw(t, "tick"),
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
			s.Processes[8] = ports.Sample{CPUTicks: number.Draw(t, "ticks"), Process: &domain.Process{Status: domain.ProcessOK, StartedAt: when.Draw(t, "proc")}}
		}
		if some("cost") {
			s.Totals = &domain.CostTotals{Runs: 5, CostUSD: rapid.Ptr(rapid.Float64(), true).Draw(t, "total")}
		}
		if some("known") {
			s.Worker = &domain.Worker{MaxConcurrency: number.Draw(t, "most"), WorkerUpdatedAt: when.Draw(t, "updated")}
		}
		asOf := time.UnixMilli(goldenTime - 1500)
		s.Extra = []ports.Section{
			failing{"zz", ports.Collected{Value: []string{"<&>", "\u2028"}, Rows: new(int64(2)), Truncated: some("cut"), AsOf: &asOf}, fault("zz")},
			failing{"aa", nil, fault("aa")},
		}
		requireReplayed(t, string(ask(t, handlerOver(t, s.Ports()), "/metrics"))+"\n")
	})
}

// TestReplay_OfARealDatabase: anomalies, odd cells and narrowed answers too.
func TestReplay_OfARealDatabase(t *testing.T) {
	t.Parallel()
	for _, sources := range [][]string{{"schema.sql", "busy.sql"}, {"schema.sql"}, {"schema.sql", "busy.sql", "drop_runs.sql"}} {
		live := goldenHandler(t, newDatabase(t, sources...), workerFile(t), nil)
		requireReplayed(t, string(ask(t, live, "/metrics")))
		for _, query := range []string{"?section=agents", "?section=cost", "?section=queue&section=stages"} {
			narrowed := ask(t, live, "/metrics"+query)
			read, err := fixture.Read(bytes.NewReader(narrowed))
			require.NoError(t, err)
			assert.Equal(t, replayed(narrowed), replayed(ask(t, handlerOver(t, read.Ports(fixture.Options{})), "/metrics"+query)))
		}
	}
}
