package domain_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/orchmetrics/orchmetrics/domain"
)

func TestListsAreNeverNull(t *testing.T) {
	envelope := domain.Envelope{Cost: &domain.Cost{}, Sections: asked("stages", "queue", "agents", "cost")}
	fields := decode(t, encode(t, envelope))
	assert.Equal(t, []any{}, fields["stages"])
	assert.Equal(t, []any{}, fields["agents"])
	assert.Equal(t, map[string]any{"running": []any{}, "aggregate": nil, "by_model": []any{}}, fields["cost"])
	assert.Nil(t, fields["queue"])
	assert.Nil(t, envelope.Cost.Running, "the envelope itself is not changed")

	empty := decode(t, encode(t, domain.Envelope{}))
	assert.Equal(t, map[string]any{}, empty["sections"], "nor is the object of reports")
}

func TestStatusCounts(t *testing.T) {
	cases := map[string]struct {
		counts domain.StatusCounts
		want   string
	}{
		"unknown": {nil, `null`},
		"no jobs": {domain.NewStatusCounts(), `{"queued":0,"running":0,"done":0,"failed":0,"cancelled":0}`},
		"missing known ones are 0": {
			domain.StatusCounts{"done": 3}, `{"queued":0,"running":0,"done":3,"failed":0,"cancelled":0}`,
		},
		"others follow by name": {
			domain.StatusCounts{"zeta": 1, "paused": 2, "cancelled": 4, "": 5},
			`{"queued":0,"running":0,"done":0,"failed":0,"cancelled":4,"":5,"paused":2,"zeta":1}`,
		},
		"two names that read the same are one": {
			domain.StatusCounts{"a\xff": 1, "a\xfe": 2},
			`{"queued":0,"running":0,"done":0,"failed":0,"cancelled":0,"a` + "\ufffd" + `":3}`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			encoded, err := json.Marshal(c.counts)
			require.NoError(t, err)
			assert.Equal(t, c.want, string(encoded))
		})
	}
}

// A section that cannot be encoded is shown as failed, and spoils nothing.
func TestUnencodableSectionIsShownAsFailed(t *testing.T) {
	deep := json.RawMessage(strings.Repeat("[", 9999) + strings.Repeat("]", 9999))
	farFuture := time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		key    string
		spoil  func(*domain.Envelope)
		showed any
	}{
		"queue, breaker is not JSON": {"queue", func(e *domain.Envelope) { e.Queue.Breaker = json.RawMessage(`{`) }, nil},
		"queue, breaker too deep":    {"queue", func(e *domain.Envelope) { e.Queue.Breaker = deep }, nil},
		"queue, infinite interval":   {"queue", func(e *domain.Envelope) { e.Queue.PollInterval = new(math.Inf(1)) }, nil},
		"agents, year 12026":         {"agents", func(e *domain.Envelope) { e.Agents[0].Process.StartedAt = &farFuture }, []any{}},
		"cost, not a number":         {"cost", func(e *domain.Envelope) { e.Cost.Running[0].CostUSD = new(math.NaN()) }, nil},
		"cost, infinite sum":         {"cost", func(e *domain.Envelope) { e.Cost.Aggregate.CostUSD = new(math.Inf(-1)) }, nil},
		"extension is not JSON":      {"zeta", func(e *domain.Envelope) { e.Extensions[0].Value = json.RawMessage(`1 2`) }, nil},
		"extension too deep":         {"zeta", func(e *domain.Envelope) { e.Extensions[0].Value = deep }, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			want := decode(t, encode(t, full()))
			envelope := full()
			c.spoil(&envelope)
			got := decode(t, encode(t, envelope))

			report := got["sections"].(map[string]any)[c.key]
			assert.Equal(t, map[string]any{
				"status": "failed", "code": "invalid_value", "duration_ms": 0.0, "rows": nil, "truncated": false, "anomalies": 0.0,
			}, report)
			assert.Equal(t, c.showed, got[c.key])
			assert.Equal(t, full().Sections[c.key], envelope.Sections[c.key], "the envelope itself is not changed")

			delete(want, c.key)
			delete(got, c.key)
			delete(want["sections"].(map[string]any), c.key)
			delete(got["sections"].(map[string]any), c.key)
			assert.Equal(t, want, got, "everything else")
		})
	}
}

func TestNestingLimit(t *testing.T) {
	nested := func(levels int) []byte {
		return []byte(strings.Repeat(`{"a":[`, levels/2) + `"]}[{\"[{"` + strings.Repeat(`]}`, levels/2))
	}
	require.True(t, json.Valid(nested(60)))
	require.NoError(t, domain.CheckValue(nested(60)), "brackets in text do not count")
	err := domain.CheckValue(nested(62))
	require.ErrorIs(t, err, domain.CodeInvalidValue)
	require.ErrorContains(t, err, "nested too deep")
	wide := "[" + strings.Repeat("[],", 1000) + "[]]"
	require.NoError(t, domain.CheckValue([]byte(wide)), "wide is not deep")
}

func TestTextIsValidUTF8(t *testing.T) {
	envelope := full()
	envelope.Stages[0].Stage = "a\xffb"
	envelope.Agents[0].Repo = new("\xc3(")
	envelope.Queue.Breaker = json.RawMessage("{\"why\":\"\xff\",\"\xfe\":1}")
	envelope.Extensions[0].Value = json.RawMessage("\"\xed\xa0\x80\"")
	encoded := encode(t, envelope)
	assert.True(t, utf8.Valid(encoded))
	fields := decode(t, encoded)
	assert.Equal(t, "a\ufffdb", fields["stages"].([]any)[0].(map[string]any)["stage"])
	assert.Equal(t, map[string]any{"why": "\ufffd", "\ufffd": 1.0}, fields["queue"].(map[string]any)["breaker"])
}

// A value may come as JSON text from a file, and its escapes with it.
func TestTextHasNoHalfSurrogates(t *testing.T) {
	for name, tc := range map[string]struct{ raw, want string }{
		"a half":                 {`"a\ud800b"`, `"a\ufffdb"`},
		"the other half":         {`"\uDC00"`, `"\ufffd"`},
		"two first halves":       {`"\uD83D\ud83d\ude42"`, `"\ufffd\ud83d\ude42"`},
		"the wrong way round":    {`"\ude42\ud83d"`, `"\ufffd\ufffd"`},
		"in a key":               {`{"\udfff":1}`, `{"\ufffd":1}`},
		"a pair":                 {`"\ud83d\ude42"`, `"\ud83d\ude42"`},
		"a backslash before it":  {`"\\ud800"`, `"\\ud800"`},
		"two backslashes":        {`"\\\\ud800\\\ud800"`, `"\\\\ud800\\\ufffd"`},
		"other escapes":          {`"\n\u00fc\""`, `"\n\u00fc\""`},
		"the last of the answer": {`"\\"`, `"\\"`},
	} {
		envelope := full()
		envelope.Extensions[0].Value = json.RawMessage(tc.raw)
		assert.Contains(t, string(encode(t, envelope)), `"zeta":`+tc.want+`,`, name)
		assert.Equal(t, tc.raw, string(envelope.Extensions[0].Value), name+": the envelope itself is not changed")
	}
}

// Whatever texts, numbers and times a list holds, it is what reflection writes.
func TestListsAreWhatReflectionWrites(t *testing.T) {
	zone := rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("", 3600)})
	odd := rapid.SampledFrom([]string{"", "a\"b\\c", "<&>", "\x7f\x00\u2028", "bad \xff\xfe"})
	rapid.Check(t, func(t *rapid.T) {
		envelope := domain.Envelope{Sections: asked("stages", "agents")}
		envelope.Stages = rapid.SliceOfN(rapid.Custom(drawStage), 1, 3).Draw(t, "stages")
		envelope.Agents = rapid.SliceOfN(rapid.Custom(drawAgent), 1, 3).Draw(t, "agents")
		envelope.Stages[0].Stage, envelope.Stages[0].WorkItem = odd.Draw(t, "stage"), maybe(t, odd)
		envelope.Agents[0].Model = maybe(t, odd)
		envelope.Agents[0].Process = &domain.Process{StartedAt: new(noon.Add(time.Duration(rapid.Int32().Draw(t, "ns"))).In(zone.Draw(t, "zone")))}
		shown, err := envelope.MarshalJSON()
		require.NoError(t, err)
		var got struct{ Stages, Agents json.RawMessage }
		require.NoError(t, json.Unmarshal(shown, &got))

		want := func(list any) string {
			var text strings.Builder
			encoder := json.NewEncoder(&text)
			encoder.SetEscapeHTML(false)
			require.NoError(t, encoder.Encode(list))
			return strings.TrimSpace(text.String())
		}
		require.Equal(t, want(envelope.Stages), string(got.Stages))
		require.Equal(t, want(envelope.Agents), string(got.Agents))
	})
}

// An answer is no HTML: what would be escaped for it is shown as it is, so that it
// takes no more room than where it came from.
func TestEncode(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"raw":           {json.RawMessage("{ \"a\" : [1, \"<&>\"] }"), `{"a":[1,"<&>"]}`},
		"no raw":        {json.RawMessage(nil), `null`},
		"nothing":       {nil, `null`},
		"text":          {"<&>\n", `"<&>\n"`},
		"a value":       {map[string]any{"a": []string{"<"}}, `{"a":["<"]}`},
		"raw in others": {&domain.Queue{Worker: domain.Worker{Breaker: json.RawMessage(`{ "a": "<" }`)}}, `"breaker":{"a":"<"}`},
	} {
		got, err := domain.Encode(c.value)
		require.NoError(t, err, name)
		assert.Contains(t, string(got), c.want, name)
		assert.False(t, strings.HasSuffix(string(got), "\n"), name)
	}
	for _, value := range []any{json.RawMessage(`{`), json.RawMessage(``), json.RawMessage(`1 2`), func() {}, math.NaN()} {
		_, err := domain.Encode(value)
		require.Error(t, err)
	}
}

func TestCheckValue_Numbers(t *testing.T) {
	long := strings.Repeat("9", 309)
	for value, want := range map[string]bool{
		`1e999`: true, `-1E+999`: true, `[0,{"a":[1e308,1e309]}]`: true, long: true, `[-` + long + `.5]`: true,
		`1e308`: false, `1e-999`: false, `-0.0`: false, `true`: false, `{"1e999":"1e999\"1e999"}`: false, long[1:]: false, ``: false,
		`123456789012345678901`: false, `[1,2]`: false,
	} {
		err := domain.CheckValue([]byte(value))
		require.Equal(t, want, err != nil, value)
		if want {
			require.ErrorIs(t, err, domain.CodeInvalidValue)
			require.ErrorContains(t, err, "beyond a float")
		}
	}
}

func TestInstants(t *testing.T) {
	before := domain.Instant{UnixMS: noon.UnixMilli() + 999}
	assert.Equal(t, noon, before.Time(), "cut to whole seconds")
	assert.Equal(t, time.UTC, before.Time().Location())
	early := domain.Instant{UnixMS: -1}
	assert.Equal(t, "1969-12-31T23:59:59Z", early.Time().Format(time.RFC3339), "towards the past, before 1970 too")

	fields := decode(t, encode(t, full()))
	assert.Equal(t, "2026-06-01T12:00:00Z", fields["generated_at"])
	assert.Equal(t, "2026-06-01T11:00:00Z", fields["instance"].(map[string]any)["started_at"])
}

func TestIntegersHave64Bits(t *testing.T) {
	envelope := full()
	envelope.Stages[0].TaskID = math.MinInt64
	envelope.Agents[0].CPUTicks = new(int64(math.MaxInt64))
	encoded := string(encode(t, envelope))
	assert.Contains(t, encoded, `"task_id":-9223372036854775808`)
	assert.Contains(t, encoded, `"cpu_ticks":9223372036854775807`)
}
