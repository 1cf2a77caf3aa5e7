package domain_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Whatever the envelope holds: it can be encoded, reads back, and is then
// encoded to the same bytes.
func TestRoundTripProperty(t *testing.T) {
	envelopes := rapid.Custom(drawEnvelope)
	rapid.Check(t, func(t *rapid.T) {
		first := encode(t, envelopes.Draw(t, "envelope"))
		var decoded domain.Envelope
		require.NoError(t, json.Unmarshal(first, &decoded))
		require.Equal(t, string(first), string(encode(t, decoded)))
	})
}

// The decoded sections are the encoded ones, and extensions keep their order.
func TestRoundTripKeepsSections(t *testing.T) {
	envelopes := rapid.Custom(drawEnvelope)
	rapid.Check(t, func(t *rapid.T) {
		envelope := envelopes.Draw(t, "envelope")
		var decoded domain.Envelope
		require.NoError(t, json.Unmarshal(encode(t, envelope), &decoded))
		if envelope.Disabled {
			require.True(t, decoded.Disabled)
			return
		}
		require.Equal(t, envelope.Sections, decoded.Sections)
		var want, got []string
		for _, extension := range envelope.Extensions {
			if _, asked := envelope.Sections[extension.Key]; asked {
				want = append(want, extension.Key)
			}
		}
		for _, extension := range decoded.Extensions {
			got = append(got, extension.Key)
		}
		require.Equal(t, want, got)
		if _, asked := envelope.Sections["stages"]; asked {
			require.Len(t, decoded.Stages, len(envelope.Stages))
		}
	})
}

func drawEnvelope(t *rapid.T) domain.Envelope {
	envelope := domain.Envelope{
		SchemaVersion: domain.SchemaVersion,
		Disabled:      rapid.IntRange(0, 9).Draw(t, "disabled") == 0,
		GeneratedAt:   drawTime(t),
		ClkTck:        maybe(t, rapid.Int64()),
		Stages:        rapid.SliceOfN(rapid.Custom(drawStage), 0, 3).Draw(t, "stages"),
		Agents:        rapid.SliceOfN(rapid.Custom(drawAgent), 0, 3).Draw(t, "agents"),
		Queue:         maybe(t, rapid.Custom(drawQueue)),
		Cost:          maybe(t, rapid.Custom(drawCost)),
		Clock:         domain.Instant{UnixMS: rapid.Int64().Draw(t, "ms"), BoottimeMS: maybe(t, rapid.Int64()), BootID: maybe(t, text())},
		Instance:      domain.Instance{ID: text().Draw(t, "id"), StartedAt: drawTime(t), Version: text().Draw(t, "version")},
		Sections:      map[string]domain.SectionReport{},
	}
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`x[a-z0-9_]{0,5}`), 0, 3, rapid.ID).Draw(t, "extensions")
	for _, name := range names {
		value := json.RawMessage(drawJSON(t, 3))
		envelope.Extensions = append(envelope.Extensions, domain.Extension{Key: name, Value: value})
	}
	for _, key := range append(names, "stages", "queue", "agents", "cost") {
		if rapid.IntRange(0, 4).Draw(t, "asked") > 0 {
			envelope.Sections[key] = drawReport(t)
		}
	}
	return envelope
}

func drawStage(t *rapid.T) domain.Stage {
	return domain.Stage{
		WorkItem: maybe(t, text()), Stage: text().Draw(t, "stage"), AgeInStageS: maybe(t, rapid.Int64()),
		Repo: maybe(t, text()), TaskID: rapid.Int64().Draw(t, "task"),
	}
}

func drawQueue(t *rapid.T) domain.Queue {
	queue := domain.Queue{
		Depth:   maybe(t, rapid.Int64()),
		Retries: maybe(t, rapid.Make[domain.Retries]()),
		Worker: domain.Worker{
			MaxConcurrency: maybe(t, rapid.Int64()), PollInterval: maybe(t, rapid.Float64()),
			WorkerUpdatedAt: maybe(t, rapid.Custom(drawTime)),
		},
	}
	if rapid.Bool().Draw(t, "counted") {
		queue.Counts = rapid.MapOfN(text(), rapid.Int64(), 0, 3).Draw(t, "counts")
	}
	if rapid.Bool().Draw(t, "breaking") {
		queue.Breaker = json.RawMessage(`{ "b" : ` + drawJSON(t, 3) + ` }`)
	}
	return queue
}

func drawAgent(t *rapid.T) domain.Agent {
	return domain.Agent{
		Agent: maybe(t, text()), RunID: maybe(t, rapid.Int64()), JobID: rapid.Int64().Draw(t, "job"), Repo: maybe(t, text()),
		PID: maybe(t, rapid.Int64()), RuntimeS: maybe(t, rapid.Int64()), Model: maybe(t, text()), Effort: maybe(t, text()),
		CPUTicks: maybe(t, rapid.Int64()), Process: maybe(t, rapid.Custom(drawProcess)),
		TaskID: maybe(t, rapid.Int64()), WorkItem: maybe(t, text()),
	}
}

func drawProcess(t *rapid.T) domain.Process {
	return domain.Process{
		Status: domain.ProcessStatus(text().Draw(t, "status")), State: maybe(t, text()), StartTicks: maybe(t, rapid.Int64()),
		StartedAt: maybe(t, rapid.Custom(drawTime)), TreeCPUTicks: maybe(t, rapid.Int64()),
	}
}

func drawCost(t *rapid.T) domain.Cost {
	running := rapid.Custom(func(t *rapid.T) domain.RunningCost {
		return domain.RunningCost{
			RunID: maybe(t, rapid.Int64()), JobID: rapid.Int64().Draw(t, "job"), Agent: maybe(t, text()),
			CostUSD: maybe(t, rapid.Float64()), CacheReadTokens: maybe(t, rapid.Int64()), Model: maybe(t, text()),
		}
	})
	totals := rapid.Custom(func(t *rapid.T) domain.CostTotals {
		return domain.CostTotals{Runs: rapid.Int64().Draw(t, "runs"), CostUSD: maybe(t, rapid.Float64())}
	})
	byModel := rapid.Custom(func(t *rapid.T) domain.ModelCost {
		return domain.ModelCost{Model: maybe(t, text()), Models: maybe(t, rapid.Int64()), CostTotals: totals.Draw(t, "totals")}
	})
	return domain.Cost{
		Running: rapid.SliceOfN(running, 0, 3).Draw(t, "running"), Aggregate: maybe(t, totals),
		ByModel: rapid.SliceOfN(byModel, 0, 3).Draw(t, "by model"),
	}
}

func drawReport(t *rapid.T) domain.SectionReport {
	report := domain.SectionReport{
		Status: domain.Status(text().Draw(t, "status")), DurationMS: rapid.Float64().Draw(t, "ms"),
		Rows: maybe(t, rapid.Int64()), Truncated: rapid.Bool().Draw(t, "truncated"),
	}
	if rapid.Bool().Draw(t, "coded") {
		report.Code = new(domain.CodePanic)
	}
	return report
}

// drawTime is any time that JSON can hold, whole seconds or not.
func drawTime(t *rapid.T) time.Time {
	const first, last = -62167219200, 253402300799 // years 0 to 9999
	return time.Unix(rapid.Int64Range(first, last).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
}

// text is any Unicode text; what is not valid UTF-8 does not come back as it was.
func text() *rapid.Generator[string] { return rapid.StringN(0, 6, -1) }

func maybe[T any](t *rapid.T, values *rapid.Generator[T]) *T {
	return rapid.Ptr(values, true).Draw(t, "maybe")
}

// drawJSON is a JSON value, with white space.
func drawJSON(t *rapid.T, levels int) string {
	quoted := func() string {
		encoded, _ := json.Marshal(text().Draw(t, "text"))
		return string(encoded)
	}
	kind := rapid.IntRange(0, 6).Draw(t, "kind")
	if levels == 0 {
		kind = min(kind, 4)
	}
	switch kind {
	case 0:
		return "null"
	case 1:
		return "true"
	case 2:
		return strconv.FormatInt(rapid.Int64().Draw(t, "int"), 10)
	case 3:
		return fmt.Sprintf("%g", rapid.Float64().Draw(t, "float"))
	case 4:
		return quoted()
	case 5:
		return "[ " + drawJSON(t, levels-1) + " ,\n" + drawJSON(t, levels-1) + "]"
	default:
		return "{" + quoted() + ": " + drawJSON(t, levels-1) + "}"
	}
}
