package domain_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/contract/contracttest"
	"github.com/orchmetrics/orchmetrics/domain"
)

func TestDecodeGivesBackWhatWasEncoded(t *testing.T) {
	var envelope domain.Envelope
	contracttest.Validate(t, encode(t, full()))
	require.NoError(t, json.Unmarshal(encode(t, full()), &envelope))
	want := full()
	for _, status := range []string{"running", "done", "failed", "cancelled"} {
		want.Queue.Counts[status] = 0
	}
	assert.Equal(t, want, envelope)
}

func TestDecodeKillSwitchBody(t *testing.T) {
	var envelope domain.Envelope
	require.NoError(t, json.Unmarshal([]byte(`{"schema_version":1,"enabled":false}`), &envelope))
	assert.Equal(t, domain.Envelope{SchemaVersion: 1, Disabled: true}, envelope)
}

// A reader of this version goes on when a later one adds keys.
func TestDecodeToleratesWhatItDoesNotKnow(t *testing.T) {
	answer := `{
		"schema_version": 1, "enabled": true, "new_header": {"a": [1, 2.50]},
		"stages": [{"task_id": 5, "stage": "review", "new_field": {}}],
		"STAGES": "another key, not ours",
		"agents": [{"job_id": 1, "process": {"status": "frozen", "cgroup": "x"}}],
		"sections": {"stages": {"status": "stale", "since": 3}, "another": {}}
	}`
	var envelope domain.Envelope
	require.NoError(t, json.Unmarshal([]byte(answer), &envelope))
	assert.False(t, envelope.Disabled)
	assert.Equal(t, []domain.Stage{{TaskID: 5, Stage: "review"}}, envelope.Stages)
	assert.Equal(t, domain.ProcessStatus("frozen"), envelope.Agents[0].Process.Status)
	assert.Equal(t, domain.Status("stale"), envelope.Sections["stages"].Status)
	assert.Nil(t, envelope.Queue)
	assert.Nil(t, envelope.Cost)
	assert.Equal(t, []domain.Extension{
		{Key: "new_header", Value: json.RawMessage(`{"a": [1, 2.50]}`)},
		{Key: "STAGES", Value: json.RawMessage(`"another key, not ours"`)},
	}, envelope.Extensions, "as they are, and in their order")
}

func TestDecodeStartsAfresh(t *testing.T) {
	envelope := full()
	require.NoError(t, json.Unmarshal([]byte(`{"schema_version":2,"queue":{"breaker":null}}`), &envelope))
	assert.Equal(t, domain.Envelope{SchemaVersion: 2, Queue: &domain.Queue{}}, envelope, "nothing of before is left")

	twice := `{"stages":[{"task_id":1,"repo":"a"}],"stages":[{"task_id":2}],"sections":{"a":{}},"sections":{"b":{}}}`
	require.NoError(t, json.Unmarshal([]byte(twice), &envelope))
	assert.Equal(t, []domain.Stage{{TaskID: 2}}, envelope.Stages, "of a key that comes twice the last counts")
	assert.NotContains(t, envelope.Sections, "a")
}

func TestDecodeRefusesWhatIsNoEnvelope(t *testing.T) {
	cases := map[string]string{
		"nothing":             ``,
		"null":                `null`,
		"a list":              `[]`,
		"a number":            `1`,
		"text":                `"stages"`,
		"cut short":           `{"stages":[`,
		"cut after a key":     `{"stages"`,
		"cut before the end":  `{"stages":[]`,
		"version is text":     `{"schema_version":"1"}`,
		"version is a float":  `{"schema_version":1.5}`,
		"enabled is a number": `{"enabled":0}`,
		"time is a number":    `{"generated_at":1}`,
		"time is not one":     `{"generated_at":"yesterday"}`,
		"stages is an object": `{"stages":{}}`,
		"queue is a list":     `{"queue":[]}`,
		"counts is a list":    `{"queue":{"counts":[1]}}`,
		"count is a float":    `{"queue":{"counts":{"queued":1.5}}}`,
		"beyond 64 bits":      `{"agents":[{"job_id":9223372036854775808}]}`,
		"beyond a float":      `{"cost":{"aggregate":{"cost_usd":1e999}}}`,
		"sections is a list":  `{"sections":[]}`,
		"too deep":            `{"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`,
	}
	for name, answer := range cases {
		t.Run(name, func(t *testing.T) {
			var envelope domain.Envelope
			require.Error(t, json.Unmarshal([]byte(answer), &envelope))
			assert.Error(t, envelope.UnmarshalJSON([]byte(answer)), "called by itself")
		})
	}
}

func TestSet(t *testing.T) {
	var envelope domain.Envelope
	require.NoError(t, envelope.Set("stages", []domain.Stage{{TaskID: 1}}))
	require.NoError(t, envelope.Set("queue", &domain.Queue{Depth: new(int64(2))}))
	require.NoError(t, envelope.Set("agents", []domain.Agent{{JobID: 3}}))
	require.NoError(t, envelope.Set("cost", &domain.Cost{}))
	require.NoError(t, envelope.Set("extra", json.RawMessage(`5`)))
	assert.Equal(t, domain.Envelope{
		Stages: []domain.Stage{{TaskID: 1}}, Queue: &domain.Queue{Depth: new(int64(2))}, Agents: []domain.Agent{{JobID: 3}},
		Cost: &domain.Cost{}, Extensions: []domain.Extension{{Key: "extra", Value: json.RawMessage(`5`)}},
	}, envelope)

	for _, key := range []string{"stages", "queue", "agents", "cost"} {
		var envelope domain.Envelope
		require.NoError(t, envelope.Set(key, nil), "nil is null, or the empty list")
		require.ErrorIs(t, envelope.Set(key, "text"), domain.CodeInvalidValue)
		assert.Equal(t, domain.Envelope{}, envelope, "it stays empty")
	}
	require.ErrorIs(t, envelope.Set("extra", 5), domain.CodeInvalidValue)
	require.ErrorIs(t, envelope.Set("extra", nil), domain.CodeInvalidValue)
}

func TestReservedAndCoreKeys(t *testing.T) {
	for _, key := range contractKeys[""] {
		core := key == "stages" || key == "queue" || key == "agents" || key == "cost"
		extension := key == "zeta" || key == "alpha"
		assert.Equal(t, core, domain.Core(key), key)
		assert.Equal(t, !core && !extension, domain.Reserved(key), key)
	}
	assert.True(t, domain.Reserved("enabled"), "the kill switch's key")
}
