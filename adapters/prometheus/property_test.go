package exposition_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/orchmetrics/orchmetrics/domain"
)

// TestExpose_AnyEnvelope: whatever the envelope holds, each format can be parsed,
// and its series are those that the answer's JSON says they must be.
func TestExpose_AnyEnvelope(t *testing.T) { rapid.Check(t, checkExposed) }

// FuzzExpose draws the envelope from the fuzzer's bytes.
func FuzzExpose(f *testing.F) { f.Fuzz(rapid.MakeFuzz(checkExposed)) }

func checkExposed(t *rapid.T) {
	e := drawEnvelope(t)
	want := expected(t, e)
	for _, format := range formats {
		text, _ := expose(t, e, format)
		got := parsed(t, text)
		require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)))
		for series, value := range want {
			require.Contains(t, got, series)
			// The JSON has a whole duration_ms, the text seconds.
			assert.InEpsilon(t, value+1e-300, got[series]+1e-300, 1e-12, "%s of %s", series, text)
		}
	}
}

func drawEnvelope(t *rapid.T) domain.Envelope {
	flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
	e := domain.Envelope{
		SchemaVersion: 1, Disabled: rapid.IntRange(0, 15).Draw(t, "disabled") == 0,
		GeneratedAt: drawTime(t), ClkTck: maybe(t, rapid.Int64Range(-1, 1000)),
		Stages: rapid.SliceOfN(rapid.Custom(drawStage), 0, 4).Draw(t, "stages"),
		Agents: rapid.SliceOfN(rapid.Custom(drawAgent), 0, 4).Draw(t, "agents"),
		Queue:  maybe(t, rapid.Custom(drawQueue)), Cost: maybe(t, rapid.Custom(drawCost)),
		Clock:    domain.Instant{UnixMS: rapid.Int64().Draw(t, "ms")},
		Instance: domain.Instance{ID: "x", StartedAt: drawTime(t), Version: words().Draw(t, "version")},
		Sections: map[string]domain.SectionReport{},
	}
	for _, key := range []string{"stages", "queue", "agents", "cost"} {
		e.Sections[key] = drawReport(t)
	}
	if flag("refused") {
		e.Sections["Bad Name.json"] = drawReport(t)
	}
	return e
}

func drawStage(t *rapid.T) domain.Stage {
	return domain.Stage{
		TaskID: few().Draw(t, "task"), Stage: words().Draw(t, "stage"), WorkItem: maybe(t, words()), Repo: maybe(t, words()),
		AgeInStageS: maybe(t, rapid.Int64()),
	}
}

func drawAgent(t *rapid.T) domain.Agent {
	return domain.Agent{
		Agent: maybe(t, words()), RunID: maybe(t, few()), JobID: few().Draw(t, "job"), Repo: maybe(t, words()), PID: maybe(t, few()),
		RuntimeS: maybe(t, rapid.Int64()), Model: maybe(t, words()), Effort: maybe(t, words()), CPUTicks: maybe(t, rapid.Int64()),
		Process: maybe(t, rapid.Custom(func(t *rapid.T) domain.Process {
			return domain.Process{
				Status: domain.ProcessStatus(rapid.OneOf(rapid.Just("ok"), words()).Draw(t, "status")), StartedAt: maybe(t, rapid.Custom(drawTime)),
				Threads: maybe(t, rapid.Int64()), RSSBytes: maybe(t, rapid.Int64()), ChildrenCPUTicks: maybe(t, rapid.Int64()),
				TreeCPUTicks: maybe(t, rapid.Int64()), TreeProcesses: maybe(t, rapid.Int64()),
				StartedAfterJobS: maybe(t, rapid.Int64()),
				RunNS:            maybe(t, rapid.Int64()), TimeSlices: maybe(t, rapid.Int64()), ReadBytes: maybe(t, rapid.Int64()), WrittenBytes: maybe(t, rapid.Int64()),
				TreeRunNS: maybe(t, rapid.Int64()), TreeTimeSlices: maybe(t, rapid.Int64()), TreeReadBytes: maybe(t, rapid.Int64()), TreeWrittenBytes: maybe(t, rapid.Int64()),
			}
		})),
		TaskID: maybe(t, few()), WorkItem: maybe(t, words()),
	}
}

func drawQueue(t *rapid.T) domain.Queue {
	breakers := rapid.SampledFrom([]string{`{"state":"open"}`, `{"state":"odd\u0000\n\""}`, `{"State":"open"}`, `{"state":7}`, `{"state":""}`, `{}`, `null`})
	q := domain.Queue{
		Depth: maybe(t, rapid.Int64()), Retries: maybe(t, rapid.Make[domain.Retries]()),
		Worker: domain.Worker{
			Breaker: json.RawMessage(breakers.Draw(t, "breaker")), MaxConcurrency: maybe(t, rapid.Int64()),
			PollInterval: maybe(t, rapid.Float64()), WorkerUpdatedAt: maybe(t, rapid.Custom(drawTime)),
		},
	}
	if rapid.Bool().Draw(t, "counted") {
		q.Counts = rapid.MapOfN(words(), rapid.Int64Range(-1<<50, 1<<50), 0, 40).Draw(t, "counts")
	}
	return q
}

func drawCost(t *rapid.T) domain.Cost {
	run := rapid.Custom(func(t *rapid.T) domain.RunningCost {
		return domain.RunningCost{
			RunID: maybe(t, few()), JobID: few().Draw(t, "job"), Agent: maybe(t, words()), CostUSD: maybe(t, rapid.Float64()),
			InputTokens: maybe(t, rapid.Int64()), OutputTokens: maybe(t, rapid.Int64()), CacheReadTokens: maybe(t, rapid.Int64()),
			CacheCreationTokens: maybe(t, rapid.Int64()),
		}
	})
	totals := rapid.Custom(func(t *rapid.T) domain.CostTotals {
		return domain.CostTotals{
			Runs: rapid.Int64().Draw(t, "runs"), CostUSD: maybe(t, rapid.Float64()), InputTokens: maybe(t, rapid.Int64()),
			CacheReadTokens: maybe(t, rapid.Int64()),
		}
	})
	model := rapid.Custom(func(t *rapid.T) domain.ModelCost {
		return domain.ModelCost{Model: maybe(t, words()), Models: maybe(t, few()), CostTotals: totals.Draw(t, "totals")}
	})
	return domain.Cost{
		Running: rapid.SliceOfN(run, 0, 4).Draw(t, "running"), Aggregate: maybe(t, totals), ByModel: rapid.SliceOfN(model, 0, 4).Draw(t, "models"),
	}
}

func drawReport(t *rapid.T) domain.SectionReport {
	statuses := rapid.SampledFrom([]domain.Status{"ok", "degraded", "failed", "timeout", "disabled", "other"})
	return domain.SectionReport{
		Status: statuses.Draw(t, "status"), Code: maybe(t, rapid.Map(words(), func(s string) domain.Code { return domain.Code(s) })),
		DurationMS: rapid.Float64Range(0, 1e6).Draw(t, "ms"), Rows: maybe(t, rapid.Int64()), Truncated: rapid.Bool().Draw(t, "cut"),
		Anomalies: rapid.Int64().Draw(t, "anomalies"), AsOf: maybe(t, rapid.Custom(drawTime)), RecountedAt: maybe(t, rapid.Custom(drawTime)),
	}
}

func drawTime(t *rapid.T) time.Time {
	const first, last = -62167219200, 253402300799 // years 0 to 9999
	return time.Unix(rapid.Int64Range(first, last).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
}

// few are so few ids that the same comes twice.
func few() *rapid.Generator[int64] { return rapid.Int64Range(-1, 2) }

// words are texts that have broken some reader, and any other.
func words() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"", "developer", "a\nb", `a"b`, `a\b`, `\n`, "\x00", "\r\n", "\u2028", "\ufeff", "}", `"} 1` + "\n# EOF\n", "# HELP x", "é", "\x7f\u0085",
		strings.Repeat("x", 127), strings.Repeat("x", 128), strings.Repeat("x", 129), strings.Repeat("é", 64), strings.Repeat("é", 70), "x" + strings.Repeat("é", 70),
	}))
}

func maybe[T any](t *rapid.T, values *rapid.Generator[T]) *T {
	return rapid.Ptr(values, true).Draw(t, "maybe")
}
