package replay_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/replay"
	"github.com/orchmetrics/orchmetrics/domain"
)

// What an answer does not say of itself is filled in: a section that is shown is
// ok, one that is not was not recorded.
func TestPlayer_CompletesWhatIsWrittenByHand(t *testing.T) {
	t.Parallel()
	player := play(t, `{"schema_version":1,"clk_tck":250,"generated_at":"2026-06-01T14:00:00.5+02:00","stages":[{"task_id":1},{"task_id":2}],`+
		`"cost":{"running":[{"job_id":1}]},"zz":1,"sections":{"gone":{"status":"ok"},"zz.json":{"status":"failed","code":"key_refused"}}}`, replay.Options{})
	envelope := scrape(t, player)
	ok := func(rows *int64) domain.SectionReport {
		return domain.SectionReport{Status: domain.StatusOK, Rows: rows}
	}
	missing := domain.SectionReport{Status: domain.StatusFailed, Code: new(domain.CodeNotRecorded)}
	assert.Equal(t, map[string]domain.SectionReport{
		"stages": ok(new(int64(2))), "cost": ok(new(int64(1))), "zz": ok(nil), "queue": missing, "agents": missing,
		"zz.json": {Status: domain.StatusFailed, Code: new(domain.CodeKeyRefused)},
	}, envelope.Sections)
	assert.Equal(t, new(int64(250)), envelope.ClkTck)
	assert.Equal(t, time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), envelope.GeneratedAt)
	assert.Equal(t, domain.Instant{UnixMS: 1_780_315_200_500}, envelope.Clock)
	assert.Equal(t, "test", envelope.Instance.Version, "of the live service")
}

// Times of another zone are shown in UTC, as the service shows them.
func TestPlayer_TimesAreInUTC(t *testing.T) {
	t.Parallel()
	const east, utc = `"2026-06-01T14:00:00+02:00"`, `"2026-06-01T12:00:00Z"`
	answer := strings.ReplaceAll(`{"schema_version":1,"generated_at":AT,"queue":{"worker_updated_at":AT},`+
		`"agents":[{"job_id":1,"process":{"status":"ok","started_at":AT}},{"job_id":2}],`+
		`"sections":{"queue":{"status":"ok","recounted_at":AT,"as_of":AT},"agents":{"status":"ok"}}}`, "AT", east)
	played, err := play(t, answer, replay.Options{}).Snapshot(t.Context())
	require.NoError(t, err)
	body, err := played.MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, strings.Count(answer, east), strings.Count(string(body), utc), "%s", body)
	assert.NotContains(t, string(body), "+02:00")
}

func TestRead_Refuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ recording, says string }{
		"nothing":                 {" \n", "there is no answer"},
		"no JSON":                 {"hello", "answer 1"},
		"cut short":               {threeSteps[:100], "answer 2"},
		"another version":         {`{"schema_version":2}`, "schema_version is 2"},
		"a list of envelopes":     {"[" + threeSteps + "]", "answer 1"},
		"no status":               {`{"schema_version":1,"queue":null,"sections":{"queue":{"status":"fine"}}}`, `the status of section queue is "fine"`},
		"no status of a process":  {`{"schema_version":1,"agents":[{"job_id":7,"process":{"status":"well"}}]}`, `the process of job 7 is "well"`},
		"a breaker that is none":  {`{"schema_version":1,"queue":{"breaker":[1]}}`, "the breaker is not an object"},
		"beyond a float":          {`{"schema_version":1,"zz":1e999}`, "section zz: a number is beyond a float"},
		"nested too deep":         {`{"schema_version":1,"zz":` + strings.Repeat("[", 61) + strings.Repeat("]", 61) + `}`, "section zz: nested too deep"},
		"a key that is none":      {`{"schema_version":1,"Z-Z":1}`, `no section can have the key "Z-Z"`},
		"a key twice":             {`{"schema_version":1,"zz":1,"zz":2}`, `the key "zz" is there twice`},
		"a clock beyond time":     {`{"schema_version":1,"clock":{"unix_ms":9223372036854775807}}`, "9223372036854775807 ms since 1970, is not in the years 0 to 9999"},
		"a clock before time":     {`{"schema_version":1,"clock":{"unix_ms":-9223372036854775808}}`, "is not in the years 0 to 9999"},
		"a boot before time":      {`{"schema_version":1,"clock":{"unix_ms":1,"boottime_ms":-1}}`, "boottime_ms"},
		"a boot beyond time":      {`{"schema_version":1,"clock":{"unix_ms":1,"boottime_ms":9223372036854775807}}`, "boottime_ms"},
		"two times":               {`{"schema_version":1,"generated_at":"2026-06-01T12:00:00Z","clock":{"unix_ms":1}}`, "its generated_at is 2026-06-01T12:00:00Z, but its clock says 1970-01-01T00:00:00Z"},
		"a year beyond in UTC":    {`{"schema_version":1,"generated_at":"9999-12-31T23:59:59-01:00"}`, "is not in the years 0 to 9999"},
		"a report beyond in UTC":  {`{"schema_version":1,"stages":[],"sections":{"stages":{"status":"ok","as_of":"9999-12-31T23:59:59-01:00"}}}`, "a time that JSON cannot show"},
		"a process beyond in UTC": {`{"schema_version":1,"agents":[{"job_id":7,"process":{"status":"ok","started_at":"9999-12-31T23:59:59-01:00"}}]}`, "the process of job 7 started at a time that JSON cannot show"},
		"no room for the next":    {`{"schema_version":1,"generated_at":"9999-12-31T23:59:59Z"}{"schema_version":1}`, "answer 2: its time"},
	} {
		_, err := replay.Read(strings.NewReader(tc.recording))
		require.ErrorContains(t, err, tc.says, name)
		require.ErrorContains(t, err, "read fixture: ", name)
	}
}

func TestScenarios_AllOpen(t *testing.T) {
	t.Parallel()
	for _, scenario := range replay.Scenarios() {
		recording, err := replay.OpenScenario(scenario.Name)
		require.NoError(t, err, scenario.Name)
		assert.Greater(t, recording.Steps(), 2, scenario.Name)
		assert.NotEmpty(t, scenario.Summary)
	}
	files, err := filepath.Glob("scenarios/*")
	require.NoError(t, err)
	assert.Len(t, replay.Scenarios(), len(files), "each file has its line")
	for _, none := range []string{"../../go.mod", "", ".", "/idle", "../scenarios/idle", "idle.jsonl"} {
		_, err = replay.OpenScenario(none)
		require.ErrorContains(t, err, "there are idle, busy", none)
	}
	_, err = replay.OpenScenario("../../go.mod")
	require.NotContains(t, err.Error(), "did you mean")
	_, err = replay.OpenScenario("agent-stuk")
	require.ErrorContains(t, err, "did you mean agent-stuck?")
}

// FuzzRead: whatever is in the file, it is refused, or each of its answers is what
// the contract says.
func FuzzRead(f *testing.F) {
	f.Add(threeSteps)
	f.Add(`{"schema_version":1,"clock":{"unix_ms":9007199254740992},"zz":{"a":[1e5]},"sections":{"zz":{"status":"degraded","code":"x"}}}`)
	f.Add(`{"schema_version":1,"queue":{"counts":{"x":1},"breaker":{}},"cost":{"running":[{}],"aggregate":{}}}`)
	f.Fuzz(func(t *testing.T, recording string) {
		r, err := replay.Read(strings.NewReader(recording))
		if err != nil {
			return
		}
		for _, disabled := range [][]string{nil, r.Keys()} {
			player := replay.NewPlayer(r, nothingLive{r.Keys()}, replay.Options{}, disabled)
			for range min(r.Steps(), 5) {
				scrape(t, player)
			}
			for _, key := range slices.Compact(r.Keys()) {
				scrape(t, player, key)
			}
		}
	})
}
