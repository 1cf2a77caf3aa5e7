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
)

// read reads a state file with this content.
func read(t *testing.T, content string) (*domain.Worker, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "worker.json")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
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
		"an empty breaker":       {`{"breaker":{}}`, domain.Worker{Breaker: json.RawMessage(`{}`)}},
		"the greatest integer":   {`{"max_concurrency":9223372036854775807}`, domain.Worker{MaxConcurrency: new(int64(9223372036854775807))}},
		"a negative integer":     {`{"max_concurrency":-1}`, domain.Worker{MaxConcurrency: new(int64(-1))}},
		"a whole interval":       {`{"poll_interval":3}`, domain.Worker{PollInterval: new(3.0)}},
		"a tiny interval":        {`{"poll_interval":1e-400}`, domain.Worker{PollInterval: new(0.0)}},
		"a great interval":       {`{"poll_interval":1e308}`, domain.Worker{PollInterval: new(1e308)}},
		"a time with an offset":  {`{"updated_at":"2026-06-01T14:00:00+02:00"}`, domain.Worker{WorkerUpdatedAt: &noon}},
		"a time to the west":     {`{"updated_at":"2026-06-01T04:30:00-07:30"}`, domain.Worker{WorkerUpdatedAt: &noon}},
		"a time with a fraction": {`{"updated_at":"2026-06-01T12:00:00.25Z"}`, domain.Worker{WorkerUpdatedAt: at("2026-06-01T12:00:00.25Z")}},
		"the last second":        {`{"updated_at":"9999-12-31T23:59:59Z"}`, domain.Worker{WorkerUpdatedAt: at("9999-12-31T23:59:59Z")}},
		"the first second":       {`{"updated_at":"0000-01-01T00:00:00Z"}`, domain.Worker{WorkerUpdatedAt: at("0000-01-01T00:00:00Z")}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			worker, err := read(t, c.content)
			require.NoError(t, err)
			assert.Equal(t, c.want, *worker)
			if worker.WorkerUpdatedAt != nil {
				assert.Equal(t, time.UTC, worker.WorkerUpdatedAt.Location())
			}
		})
	}
}

func TestContentsThatAreInvalid(t *testing.T) {
	deep := func(levels int) string { return strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels) }
	cases := map[string]string{
		"empty":                      "",
		"white space":                " \n ",
		"NULs":                       "\x00\x00\x00",
		"a byte order mark":          "\ufeff{}",
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
		"breaker is text":            `{"breaker":"open"}`,
		"breaker is a number":        `{"breaker":1}`,
		"breaker is true":            `{"breaker":true}`,
		"breaker is a list":          `{"breaker":[{}]}`,
		"breaker beyond a float":     `{"breaker":{"cooldown_s":1e999}}`,
		"breaker nests too deep":     `{"breaker":` + deep(60) + `}`,
		"20,000 levels":              `{"breaker":` + deep(20000) + `}`,
		"20,000 levels, unknown key": `{"x":` + deep(20000) + `}`,
		"concurrency is text":        `{"max_concurrency":"4"}`,
		"concurrency is a float":     `{"max_concurrency":4.5}`,
		"concurrency is true":        `{"max_concurrency":true}`,
		"concurrency is an object":   `{"max_concurrency":{}}`,
		"concurrency beyond 64 bits": `{"max_concurrency":9223372036854775808}`,
		"concurrency is huge":        `{"max_concurrency":` + strings.Repeat("9", 5000) + `}`,
		"interval is text":           `{"poll_interval":"2"}`,
		"interval is beyond a float": `{"poll_interval":1e309}`,
		"interval is NaN":            `{"poll_interval":NaN}`,
		"interval is NaN as text":    `{"poll_interval":"NaN"}`,
		"interval is Infinity":       `{"poll_interval":-Infinity}`,
		"time is a number":           `{"updated_at":1780315200}`,
		"time without a zone":        `{"updated_at":"2026-06-01T12:00:00"}`,
		"time with a space":          `{"updated_at":"2026-06-01 12:00:00Z"}`,
		"time is a date":             `{"updated_at":"2026-06-01"}`,
		"time does not exist":        `{"updated_at":"2026-02-30T12:00:00Z"}`,
		"time is empty":              `{"updated_at":""}`,
		"year of five digits":        `{"updated_at":"10000-01-01T00:00:00Z"}`,
		"year 10000 in UTC":          `{"updated_at":"9999-12-31T23:59:59-01:00"}`,
		"before year 0 in UTC":       `{"updated_at":"0000-01-01T00:00:00+01:00"}`,
	}
	for name, content := range cases {
		t.Run(name, func(t *testing.T) {
			worker, err := read(t, content)
			require.ErrorIs(t, err, domain.CodeWorkerStateInvalid)
			assert.Nil(t, worker, "all or nothing")
			assert.Less(t, len(err.Error()), 10000)
		})
	}
}
