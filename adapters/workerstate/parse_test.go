package workerstate_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/workerstate"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// written is when the state files of these tests were.
var written = time.Date(2026, 5, 31, 23, 59, 59, 250_999_999, time.UTC)

// read reads a state file with this content.
func read(t *testing.T, content string) (*domain.Worker, error) {
	t.Helper()
	return readWrittenAt(t, content, written)
}

func readWrittenAt(t *testing.T, content string, at time.Time) (*domain.Worker, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "worker.json")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	require.NoError(t, os.Chtimes(path, at, at))
	return workerstate.NewFile(path).WorkerState(t.Context())
}

func TestContentsThatAreRead(t *testing.T) {
	at := func(text string) *time.Time {
		parsed, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		return new(parsed.UTC())
	}
	cases := map[string]struct {
		content string
		want    domain.Worker
	}{
		"all": {
			`{"breaker":{"state":"closed"},"max_concurrency":4,"poll_interval":2.0,"updated_at":"2026-06-01T12:00:00Z"}`, full(),
		},
		"nothing":                {`{}`, domain.Worker{}},
		"a byte order mark":      {"\ufeff{\"max_concurrency\":1}", domain.Worker{MaxConcurrency: new(int64(1))}},
		"all null":               {`{"breaker":null,"max_concurrency":null,"poll_interval":null,"updated_at":null}`, domain.Worker{}},
		"white space around":     {" \r\n\t{ } \n", domain.Worker{}},
		"unknown keys":           {`{"version":"9","pid":[1,{"a":1e999}],"max_concurrency":1}`, domain.Worker{MaxConcurrency: new(int64(1))}},
		"keys in another case":   {`{"BREAKER":5,"Max_Concurrency":"x","Updated_At":0}`, domain.Worker{}},
		"the last of two counts": {`{"max_concurrency":"x","max_concurrency":2}`, domain.Worker{MaxConcurrency: new(int64(2))}},
		"the last one is null":   {`{"max_concurrency":2,"max_concurrency":null}`, domain.Worker{}},
		"breaker as it is": {
			`{"breaker":{"z":1.50,"a":[null,"é\u00e9"],"z":2}}`,
			domain.Worker{Breaker: json.RawMessage(`{"z":1.50,"a":[null,"é\u00e9"],"z":2}`)},
		},
		"an empty breaker":          {`{"breaker":{}}`, domain.Worker{Breaker: json.RawMessage(`{}`)}},
		"the greatest integer":      {`{"max_concurrency":9223372036854775807}`, domain.Worker{MaxConcurrency: new(int64(9223372036854775807))}},
		"a negative integer":        {`{"max_concurrency":-1}`, domain.Worker{MaxConcurrency: new(int64(-1))}},
		"a whole number as a float": {`{"max_concurrency":4.0}`, domain.Worker{MaxConcurrency: new(int64(4))}},
		"a whole number as a power": {`{"max_concurrency":1e3}`, domain.Worker{MaxConcurrency: new(int64(1000))}},
		"the greatest as a float":   {`{"max_concurrency":9007199254740992.0}`, domain.Worker{MaxConcurrency: new(int64(1) << 53)}},
		"a negative one as a float": {`{"max_concurrency":-1.0}`, domain.Worker{MaxConcurrency: new(int64(-1))}},
		"a whole interval":          {`{"poll_interval":3}`, domain.Worker{PollInterval: new(3.0)}},
		"a tiny interval":           {`{"poll_interval":1e-400}`, domain.Worker{PollInterval: new(0.0)}},
		"a great interval":          {`{"poll_interval":1e308}`, domain.Worker{PollInterval: new(1e308)}},
		"a time with an offset":     {`{"updated_at":"2026-06-01T14:00:00+02:00"}`, domain.Worker{WorkerUpdatedAt: &noon}},
		"a time to the west":        {`{"updated_at":"2026-06-01T04:30:00-07:30"}`, domain.Worker{WorkerUpdatedAt: &noon}},
		"a time with a fraction":    {`{"updated_at":"2026-06-01T12:00:00.25Z"}`, domain.Worker{WorkerUpdatedAt: at("2026-06-01T12:00:00.25Z")}},
		"a time in lower case":      {`{"updated_at":"2026-06-01t12:00:00z"}`, domain.Worker{WorkerUpdatedAt: &noon}},
		"lower case, an offset":     {`{"updated_at":"2026-06-01t14:00:00.0+02:00"}`, domain.Worker{WorkerUpdatedAt: &noon}},
		"the last second":           {`{"updated_at":"2199-12-31T23:59:59Z"}`, domain.Worker{WorkerUpdatedAt: at("2199-12-31T23:59:59Z")}},
		"the first second":          {`{"updated_at":"2000-01-01T00:00:00Z"}`, domain.Worker{WorkerUpdatedAt: at("2000-01-01T00:00:00Z")}},
		"2000 in UTC only":          {`{"updated_at":"1999-12-31T23:59:59-00:01"}`, domain.Worker{WorkerUpdatedAt: at("2000-01-01T00:00:59Z")}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			worker, err := read(t, c.content)
			require.NoError(t, err)
			if c.want.WorkerUpdatedAt == nil {
				c.want.WorkerUpdatedAt = new(written.Truncate(time.Millisecond)) // as drop-ins have it
			}
			assert.Equal(t, c.want, *worker)
			if worker.WorkerUpdatedAt != nil {
				assert.Equal(t, time.UTC, worker.WorkerUpdatedAt.Location())
			}
		})
	}
}

// TestContentsThatAreInvalid: what is no object tells nothing.
func TestContentsThatAreInvalid(t *testing.T) {
	deep := func(levels int) string { return strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels) }
	cases := map[string]string{
		"empty":                      "",
		"white space":                " \n ",
		"NULs":                       "\x00\x00\x00",
		"only a byte order mark":     "\ufeff",
		"two byte order marks":       "\ufeff\ufeff{}",
		"UTF-16":                     "\xff\xfe{\x00}\x00",
		"a no-break space before":    "\u00a0{}",
		"null":                       "null",
		"true":                       "true",
		"a number":                   "4",
		"text":                       `"breaker"`,
		"a list":                     `[]`,
		"a list of one":              `[{"max_concurrency":1}]`,
		"cut short":                  `{"max_concurrency":4`,
		"garbage behind":             `{} x`,
		"two objects":                `{}{}`,
		"a comma too many":           `{"max_concurrency":4,}`,
		"single quotes":              `{'max_concurrency':4}`,
		"a comment":                  `{} // state`,
		"20,000 levels":              `{"breaker":` + deep(20000) + `}`,
		"20,000 levels, unknown key": `{"x":` + deep(20000) + `}`,
		"interval is NaN":            `{"poll_interval":NaN}`,
		"interval is Infinity":       `{"poll_interval":-Infinity}`,
	}
	for name, content := range cases {
		t.Run(name, func(t *testing.T) {
			worker, err := read(t, content)
			require.ErrorIs(t, err, domain.CodeWorkerStateInvalid)
			assert.Nil(t, worker, "nothing of it can be told")
			assert.Less(t, len(err.Error()), 10000)
		})
	}
}

// TestFieldsThatAreInvalid: each costs itself and nothing else, and is told of
// without its value.
func TestFieldsThatAreInvalid(t *testing.T) {
	deep := func(levels int) string { return strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels) }
	good := map[string]string{
		"breaker": `{"state":"closed"}`, "max_concurrency": "4", "poll_interval": "2.0", "updated_at": `"2026-06-01T12:00:00Z"`,
	}
	for key, values := range map[string][]string{
		"breaker":         {`"secret"`, `1`, `true`, `[{}]`, `{"cooldown_s":1e999}`, deep(60)},
		"max_concurrency": {`"4"`, `4.5`, `true`, `{}`, `[4]`, `9223372036854775808`, `1e300`, `1e999`, `9007199254740994.0`, strings.Repeat("9", 5000)},
		"poll_interval":   {`"2"`, `1e309`, `"NaN"`, `[]`, `false`},
		"updated_at": {
			`1780315200`, `"2026-06-01T12:00:00"`, `"2026-06-01 12:00:00Z"`, `"2026-06-01"`, `"2026-02-30T12:00:00Z"`, `""`, `"now"`,
			`"10000-01-01T00:00:00Z"`, `"9999-12-31T23:59:59-01:00"`, `"0000-01-01T00:00:00Z"`, `"0001-01-01T00:00:00Z"`,
			`"1999-12-31T23:59:59Z"`, `"2200-01-01T00:00:00Z"`, `"2200-01-01T00:00:00+00:00"`, `"2199-12-31T23:59:59-00:01"`, `{}`, `true`,
		},
	} {
		for _, value := range values {
			var fields []string
			for name, content := range good {
				if name == key {
					content = value
				}
				fields = append(fields, `"`+name+`":`+content)
			}
			worker, err := read(t, "{"+strings.Join(fields, ",")+"}")
			require.ErrorIs(t, err, domain.CodeWorkerStateInvalid, value)
			var unreadable *ports.UnreadableError
			require.ErrorAs(t, err, &unreadable, value)
			require.Len(t, unreadable.Values, 1, value)
			assert.True(t, strings.HasPrefix(unreadable.Values[0], key+" is no "), unreadable.Values[0])
			assert.NotContains(t, err.Error(), "secret")
			assert.Less(t, len(err.Error()), 200)
			want := full()
			switch key {
			case "breaker":
				want.Breaker = nil
			case "max_concurrency":
				want.MaxConcurrency = nil
			case "poll_interval":
				want.PollInterval = nil
			case "updated_at":
				want.WorkerUpdatedAt = nil
			}
			require.NotNil(t, worker)
			assert.Equal(t, want, *worker, "%s: %s", key, value)
		}
	}
	worker, err := read(t, `{"breaker":1,"max_concurrency":"x","poll_interval":[],"updated_at":0}`)
	var unreadable *ports.UnreadableError
	require.ErrorAs(t, err, &unreadable)
	assert.Len(t, unreadable.Values, 4)
	assert.Equal(t, domain.Worker{}, *worker)
}

// TestFileWrittenLongAgo: a state that does not say when it was written is as old as
// its file, so that a worker that is gone for a month is not taken for a live one.
func TestFileWrittenLongAgo(t *testing.T) {
	long := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for _, content := range []string{`{"breaker":{"state":"closed"}}`, `{"breaker":{"state":"closed"},"updated_at":null}`} {
		worker, err := readWrittenAt(t, content, long)
		require.NoError(t, err)
		assert.Equal(t, &long, worker.WorkerUpdatedAt)
	}
	worker, err := readWrittenAt(t, `{"updated_at":"2026-06-01T12:00:00Z"}`, long)
	require.NoError(t, err)
	assert.Equal(t, &noon, worker.WorkerUpdatedAt, "what the worker says counts")

	worker, err = readWrittenAt(t, `{"max_concurrency":4}`, time.Unix(0, 0))
	require.ErrorIs(t, err, domain.CodeWorkerStateInvalid, "no clock has shown that")
	assert.Equal(t, domain.Worker{MaxConcurrency: new(int64(4))}, *worker)
}
