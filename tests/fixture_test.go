package tests

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/replay"
	"github.com/orchmetrics/orchmetrics/contract/contracttest"
	"github.com/orchmetrics/orchmetrics/domain"
)

func fixtureConfig() orchmetrics.Config {
	return orchmetrics.Config{MetricsEnabled: true, Listen: "127.0.0.1:0", SectionTimeout: 10 * time.Second, LogLevel: 99, Version: "fixture"}
}

func handlerOver(t require.TestingT, src orchmetrics.Sources, disabled ...string) http.Handler {
	cfg := fixtureConfig()
	cfg.SectionsDisabled = disabled
	server, err := orchmetrics.InitializeServerFrom(cfg, src)
	require.NoError(t, err)
	return server.Handler()
}

// replayOf is the service that plays a recording, from its first answer.
func replayOf(t require.TestingT, recording *replay.Recording) http.Handler {
	server, err := orchmetrics.InitializeReplay(fixtureConfig(), orchmetrics.Fixture{Recording: recording})
	require.NoError(t, err)
	return server.Handler()
}

func ask(t require.TestingT, handler http.Handler, target string) []byte {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, target, nil))
	require.Equal(t, http.StatusOK, recorder.Code, recorder.Body)
	require.NoError(t, contracttest.Check(recorder.Body.Bytes()))
	return recorder.Body.Bytes()
}

// TestScenarios_AreWhatTheServiceAnswers: a scenario is its own golden. One that
// contradicts itself, such as rows that are not the list's length, fails here. It
// has the core sections, whatever else this repository has by now.
func TestScenarios_AreWhatTheServiceAnswers(t *testing.T) {
	t.Parallel()
	for _, scenario := range orchmetrics.Scenarios() {
		recording, err := os.ReadFile("../adapters/replay/scenarios/" + scenario.Name + ".jsonl")
		require.NoError(t, err)
		requireReplayed(t, string(recording), "?section=stages&section=queue&section=agents&section=cost")
		for line := range bytes.Lines(recording) {
			contracttest.Validate(t, line)
		}
	}
}

// history plays a scenario to its end.
func history(t *testing.T, name string) []domain.Envelope {
	t.Helper()
	recording, err := replay.OpenScenario(name)
	require.NoError(t, err)
	handler := replayOf(t, recording)
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
	timeSlices := func(a domain.Agent) *int64 { return a.Process.TreeTimeSlices }
	readBytes := func(a domain.Agent) *int64 { return a.Process.TreeReadBytes }
	breaker := func(e domain.Envelope) (state string) {
		var known struct{ State string }
		require.NoError(t, json.Unmarshal(e.Queue.Breaker, &known))
		return known.State
	}
	code := func(e domain.Envelope, key string) domain.Code {
		if e.Sections[key].Code == nil {
			return ""
		}
		return *e.Sections[key].Code
	}
	for name, shows := range map[string]func(t *testing.T, e []domain.Envelope) bool{
		"idle": func(_ *testing.T, e []domain.Envelope) bool {
			return len(e[0].Agents) == 0 && len(e[0].Stages) == 0 && *e[0].Queue.Depth == 0 && e[0].Sections["agents"].Status == "ok"
		},
		"busy": func(_ *testing.T, e []domain.Envelope) bool {
			return len(e[0].Agents) == 3 && grows(e, own) > 0 && grows(e, tree) > 0 && e[5].Queue.Counts["done"] > e[0].Queue.Counts["done"] &&
				*e[5].Cost.Aggregate.InputTokens > *e[0].Cost.Aggregate.InputTokens
		},
		"agent-stuck": func(_ *testing.T, e []domain.Envelope) bool {
			return grows(e, own) == 0 && grows(e, tree) == 0 && *e[5].Agents[1].CPUTicks > *e[0].Agents[1].CPUTicks
		},
		"waiting-on-child": func(_ *testing.T, e []domain.Envelope) bool { return grows(e[:5], own) == 0 && grows(e[:5], tree) > 0 },
		"reading-slowly": func(_ *testing.T, e []domain.Envelope) bool {
			return grows(e, own) <= 1 && grows(e, timeSlices) > 100 && grows(e, readBytes) == 0 &&
				*e[5].Agents[1].Process.ReadBytes > *e[0].Agents[1].Process.ReadBytes
		},
		"node-threads": func(_ *testing.T, e []domain.Envelope) bool {
			return *first(e[0]).Process.Threads > 1 && grows(e, timeSlices) > 100 && *e[5].Agents[1].Process.TimeSlices == *e[0].Agents[1].Process.TimeSlices
		},
		"on-a-timer": func(_ *testing.T, e []domain.Envelope) bool { return grows(e, own) == 0 && grows(e, timeSlices) == 25 },
		"deadlocked": func(_ *testing.T, e []domain.Envelope) bool { return grows(e, own) == 0 && grows(e, timeSlices) == 0 },
		"blocked-read": func(_ *testing.T, e []domain.Envelope) bool {
			return grows(e, own) == 0 && grows(e, timeSlices) == 0 && grows(e, readBytes) == 0
		},
		"stopped": func(_ *testing.T, e []domain.Envelope) bool {
			return grows(e[:3], own) > 0 && grows(e[2:], timeSlices) == 0 && *first(e[0]).Process.State == "R" && *first(e[5]).Process.State == "T"
		},
		"zombie": func(_ *testing.T, e []domain.Envelope) bool {
			last := first(e[4])
			return *first(e[0]).Process.State != "Z" && last.Process.Status == domain.ProcessZombie && *last.Process.State == "Z" &&
				*last.Process.StartTicks == *first(e[0]).Process.StartTicks && e[4].Queue.Counts["running"] == 1
		},
		"pid-reused": func(_ *testing.T, e []domain.Envelope) bool {
			return first(e[2]).Process.Status == domain.ProcessGone && *first(e[0]).PID == *first(e[5]).PID &&
				*first(e[0]).Process.StartTicks < *first(e[5]).Process.StartTicks && *first(e[0]).CPUTicks > *first(e[5]).CPUTicks
		},
		"another-host": func(_ *testing.T, e []domain.Envelope) bool {
			here, there := e[5].Agents[0], e[5].Agents[1]
			return here.JobID == numberOf(*here.JobRef) && *here.RunID == numberOf(*here.RunRef) && *here.TaskID == numberOf(*here.TaskRef) &&
				grows(e, tree) > 0 && *there.Host != *here.Host && *there.PID == *here.PID && there.Process.Status == domain.ProcessRemote &&
				there.CPUTicks == nil && *e[5].Stages[0].TaskRef == *there.TaskRef && *e[5].Cost.Running[0].JobRef == *here.JobRef
		},
		"breaker-open": func(t *testing.T, e []domain.Envelope) bool {
			return assert.Equal(t, []string{"closed", "open", "half_open", "closed"}, []string{breaker(e[0]), breaker(e[2]), breaker(e[4]), breaker(e[5])})
		},
		"queue-piling-up": func(_ *testing.T, e []domain.Envelope) bool {
			return slices.IsSortedFunc(e, func(a, b domain.Envelope) int { return cmp.Compare(*a.Queue.Depth, *b.Queue.Depth) }) &&
				*e[5].Queue.Depth > 5**e[0].Queue.Depth
		},
		"database-gone": func(_ *testing.T, e []domain.Envelope) bool {
			return len(e[2].Agents) == 0 && e[2].Sections["agents"].Status == "failed" && code(e[2], "agents") == domain.CodeDBMissing &&
				e[2].Sections["queue"].Status == "degraded" && e[2].Queue.MaxConcurrency != nil && e[5].Sections["agents"].Status == "ok"
		},
		"schema-drift": func(_ *testing.T, e []domain.Envelope) bool {
			return code(e[0], "cost") == "" && code(e[2], "stages") == domain.CodeSchemaDrift && code(e[4], "agents") == domain.CodeSchemaDrift &&
				code(e[4], "cost") == domain.CodeSchemaDrift && e[4].Cost.Aggregate == nil && len(e[4].Cost.Running) == 2
		},
	} {
		assert.True(t, shows(t, history(t, name)), name)
	}
	assert.Len(t, orchmetrics.Scenarios(), 17, "a new one has its line above")
}
