package domain_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Whatever an answer is: reading it never panics, and what was read can be
// encoded, to the same bytes when it is read and encoded once more.
func FuzzEnvelopeUnmarshal(f *testing.F) {
	complete, err := json.Marshal(full())
	require.NoError(f, err)
	f.Add(complete)
	for _, seed := range []string{
		``, `null`, `[]`, `{`, `{"a"`, `{"a":}`, `{}`, `{"":0}`, "\ufeff{}", `{"schema_version":1,"enabled":false}`,
		`{"enabled":true,"stages":null,"sections":{"stages":{}}}`,
		`{"queue":{"counts":{"\ud800":1},"breaker":[[]]},"sections":{"queue":{}}}`,
		`{"queue":{"breaker":"null"},"queue":null,"sections":{"queue":{"code":""}}}`,
		`{"STAGES":[{}],"Sections":{},"sections":{"STAGES":{"rows":-1}}}`,
		`{"x":1,"x":{"x":1e999},"sections":{"x":{"duration_ms":1e308}}}`,
		"{\"\xff\":\"\xfe\",\"sections\":{\"\xff\":{}}}",
		`{"generated_at":"0000-01-01T00:00:00Z","instance":{"started_at":"9999-12-31T23:59:59.999999999+23:59"}}`,
		`{"agents":[{"process":{"started_at":"2026-06-01T12:00:00-07:00"}}],"sections":{"agents":{}}}`,
		`{"x":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],"sections":{"x":{}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		var direct, envelope domain.Envelope
		_ = direct.UnmarshalJSON(answer) // called by itself it must not panic either
		if json.Unmarshal(answer, &envelope) != nil {
			return
		}
		first, err := json.Marshal(envelope)
		require.NoError(t, err)
		require.True(t, utf8.Valid(first))
		var again domain.Envelope
		require.NoError(t, json.Unmarshal(first, &again))
		second, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(first), string(second))
	})
}
