package domain_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// noon is an instant to count from.
var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// asked reports the sections of the keys as read without a fault.
func asked(keys ...string) map[string]domain.SectionReport {
	reports := map[string]domain.SectionReport{}
	for _, key := range keys {
		reports[key] = domain.SectionReport{Status: domain.StatusOK}
	}
	return reports
}

// full is an envelope with something in every field.
func full() domain.Envelope {
	envelope := domain.Envelope{
		SchemaVersion: domain.SchemaVersion,
		GeneratedAt:   noon,
		ClkTck:        new(int64(100)),
		Stages: []domain.Stage{{
			WorkItem: new("ORCH-1"), Stage: "review", AgeInStageS: new(int64(-3)), Repo: new("core"), TaskID: 7,
		}},
		Queue: &domain.Queue{
			Counts:  domain.StatusCounts{"queued": 2, "zombified": 1},
			Depth:   new(int64(2)),
			Retries: &domain.Retries{RetriedJobs: 1, RetriesTotal: 2, MaxAttemptsSeen: 3},
			Worker: domain.Worker{
				Breaker: json.RawMessage(`{"state":"closed"}`), MaxConcurrency: new(int64(4)),
				PollInterval: new(2.5), WorkerUpdatedAt: new(noon.Add(-time.Second)),
			},
		},
		Agents: []domain.Agent{{
			Agent: new("developer"), RunID: new(int64(41)), JobID: 21, Repo: new("core"), PID: new(int64(4242)),
			RuntimeS: new(int64(90)), Model: new("m"), Effort: new("high"), CPUTicks: new(int64(12)),
			Process: &domain.Process{
				Status: domain.ProcessOK, State: new("R"), StartTicks: new(int64(1)), StartedAt: new(noon), Threads: new(int64(2)),
				RSSBytes: new(int64(3)), ChildrenCPUTicks: new(int64(4)), TreeCPUTicks: new(int64(5)), TreeProcesses: new(int64(6)),
				SampledBoottimeMS: new(int64(7)), StartedAfterJobS: new(int64(-8)),
				RunNS: new(int64(9)), TimeSlices: new(int64(10)), ReadBytes: new(int64(11)), WrittenBytes: new(int64(12)),
				TreeRunNS: new(int64(13)), TreeTimeSlices: new(int64(14)), TreeReadBytes: new(int64(15)), TreeWrittenBytes: new(int64(16)),
			},
			TaskID: new(int64(7)), WorkItem: new("ORCH-1"),
		}},
		Cost: &domain.Cost{
			Running: []domain.RunningCost{{
				RunID: new(int64(41)), JobID: 21, Agent: new("developer"), CostUSD: new(0.25), InputTokens: new(int64(1)),
				OutputTokens: new(int64(2)), CacheReadTokens: new(int64(3)), CacheCreationTokens: new(int64(4)), Model: new("m"),
			}},
			Aggregate: &domain.CostTotals{
				Runs: 9, CostUSD: new(1.5), InputTokens: new(int64(1)), OutputTokens: new(int64(2)),
				CacheReadTokens: new(int64(3)), CacheCreationTokens: new(int64(4)),
			},
			ByModel: []domain.ModelCost{{Models: new(int64(2)), CostTotals: domain.CostTotals{
				Runs: 9, CostUSD: new(1.5), InputTokens: new(int64(1)), OutputTokens: new(int64(2)),
				CacheReadTokens: new(int64(3)), CacheCreationTokens: new(int64(4)),
			}}},
		},
		Extensions: []domain.Extension{
			{Key: "zeta", Value: json.RawMessage(`[1,2]`)},
			{Key: "alpha", Value: json.RawMessage(`{"b":1,"a":null}`)},
		},
		Clock:    domain.Instant{UnixMS: noon.UnixMilli(), BoottimeMS: new(int64(5000)), BootID: new("boot")},
		Instance: domain.Instance{ID: "ABC", StartedAt: noon.Add(-time.Hour), Version: "v1"},
		Sections: asked("stages", "queue", "agents", "cost", "zeta", "alpha"),
	}
	envelope.Sections["cost"] = domain.SectionReport{
		Status: domain.StatusDegraded, Code: new(domain.CodeDBBusy), DurationMS: 0.5, Rows: new(int64(1)), Truncated: true,
		Anomalies: 2, RecountedAt: new(noon), AsOf: new(noon),
	}
	return envelope
}

func encode(t require.TestingT, envelope domain.Envelope) []byte {
	encoded, err := json.Marshal(envelope)
	require.NoError(t, err)
	return encoded
}

// decode reads an answer without the package's own decoder.
func decode(t *testing.T, encoded []byte) map[string]any {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal(encoded, &fields))
	return fields
}

// keysByPath lists the keys of every object of a JSON document in their order,
// under the path of the object; a list's elements share a path that ends in [].
func keysByPath(t *testing.T, encoded []byte) map[string][]string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(encoded))
	keys := map[string][]string{}
	token := func() json.Token {
		token, err := dec.Token()
		require.NoError(t, err)
		return token
	}
	var walk func(path string)
	walk = func(path string) {
		switch token() {
		case json.Delim('{'):
			for dec.More() {
				key := token().(string)
				keys[path] = append(keys[path], key)
				walk(path + "." + key)
			}
			token()
		case json.Delim('['):
			for dec.More() {
				walk(path + "[]")
			}
			token()
		}
	}
	walk("")
	return keys
}
