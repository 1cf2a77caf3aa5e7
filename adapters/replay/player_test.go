package replay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/replay"
	"github.com/orchmetrics/orchmetrics/contract/contracttest"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// threeSteps are at 0, 5 and 15 seconds.
const threeSteps = `{"schema_version":1,"generated_at":"2026-06-01T12:00:00Z","stages":[{"task_id":1}]}
{"schema_version":1,"generated_at":"2026-06-01T12:00:05Z","stages":[{"task_id":2}]}

{"schema_version":1,"generated_at":"2026-06-01T12:00:15Z","stages":[{"task_id":3,"age_in_stage_s":-3}]}`

// nothingLive is a service without any section of its own.
type nothingLive struct {
	recorded []string
}

func (l nothingLive) Keys() []string { return l.recorded }

func (nothingLive) Snapshot(context.Context, ...string) (domain.Envelope, error) {
	return domain.Envelope{Instance: domain.Instance{ID: "live", Version: "test"}}, nil
}

func read(t testing.TB, recording string) *replay.Recording {
	t.Helper()
	r, err := replay.Read(strings.NewReader(recording))
	require.NoError(t, err)
	return r
}

func play(t testing.TB, recording string, opts replay.Options) *replay.Player {
	t.Helper()
	r := read(t, recording)
	return replay.NewPlayer(r, nothingLive{r.Keys()}, opts, nil)
}

// scrape takes a step, which must be what the contract says.
func scrape(t testing.TB, player *replay.Player, keys ...string) domain.Envelope {
	t.Helper()
	played, err := player.Snapshot(t.Context(), keys...)
	require.NoError(t, err)
	body, err := played.MarshalJSON()
	require.NoError(t, err)
	contracttest.Validate(t, body)
	var envelope domain.Envelope
	require.NoError(t, json.Unmarshal(body, &envelope))
	return envelope
}

func task(t testing.TB, player *replay.Player) (id int64) {
	t.Helper()
	return scrape(t, player).Stages[0].TaskID
}

func TestPlayer_StepByRequest(t *testing.T) {
	t.Parallel()
	once, loop := play(t, threeSteps, replay.Options{}), play(t, threeSteps, replay.Options{Loop: true})
	var seen, seenInLoop []int64
	for range 5 {
		once.Keys() // who asks for the keys takes no step
		_, err := once.Snapshot(t.Context(), "nonsense")
		require.ErrorIs(t, err, ports.ErrUnknownSection, "nor who is refused")
		seen = append(seen, task(t, once))
		seenInLoop = append(seenInLoop, task(t, loop))
	}
	assert.Equal(t, []int64{1, 2, 3, 3, 3}, seen)
	assert.Equal(t, []int64{1, 2, 3, 1, 2}, seenInLoop)
}

func TestPlayer_StepByTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		once, loop := play(t, threeSteps, replay.Options{ByTime: true}), play(t, threeSteps, replay.Options{ByTime: true, Loop: true})
		_, err := once.Snapshot(t.Context(), "nonsense")
		require.Error(t, err)
		time.Sleep(time.Hour) // it begins with the first scrape, which that was not
		var seen, seenInLoop []int64
		for range 8 {
			seen, seenInLoop = append(seen, task(t, once)), append(seenInLoop, task(t, loop))
			time.Sleep(4 * time.Second)
		}
		assert.Equal(t, []int64{1, 1, 2, 2, 3, 3, 3, 3}, seen)
		assert.Equal(t, []int64{1, 1, 2, 2, 3, 3, 3, 1}, seenInLoop, "the last step lasts as long as the one before")
	})
}

// A clock that was set back takes no time; the clock of the boot goes before it.
func TestPlayer_ClockSetBack(t *testing.T) {
	t.Parallel()
	const step = `{"schema_version":1,"clock":{"unix_ms":%d,"boottime_ms":%d,"boot_id":"%s"},"stages":[{"task_id":%d}]}`
	for name, tc := range map[string]struct {
		recording string
		seen      []int64
	}{
		"another boot":     {fmt.Sprintf(step+step+step, 9000, 0, "a", 1, 5000, 0, "b", 2, 7000, 0, "c", 3), []int64{2, 2, 3}},
		"the boot goes on": {fmt.Sprintf(step+step+step, 9000, 1, "a", 1, 5000, 1001, "a", 2, 7000, 2001, "a", 3), []int64{1, 2, 3}},
		"or back":          {fmt.Sprintf(step+step+step, 1, 9000, "a", 1, 1001, 5000, "a", 2, 9001, 7000, "a", 3), []int64{2, 2, 3}},
	} {
		synctest.Test(t, func(t *testing.T) {
			player := play(t, tc.recording, replay.Options{ByTime: true})
			var seen []int64
			for range tc.seen {
				seen = append(seen, task(t, player))
				time.Sleep(time.Second)
			}
			assert.Equal(t, tc.seen, seen, name)
		})
	}
}

// Scrapes that overlap each see one step, and each step is seen once.
func TestPlayer_OverlappingScrapes(t *testing.T) {
	t.Parallel()
	player := play(t, strings.Repeat(threeSteps, 10), replay.Options{})
	ids := make(chan int64, 30)
	var group sync.WaitGroup
	for range cap(ids) {
		group.Go(func() { ids <- task(t, player) })
	}
	group.Wait()
	close(ids)
	seen := map[int64]int{}
	for id := range ids {
		seen[id]++
	}
	assert.Equal(t, map[int64]int{1: 10, 2: 10, 3: 10}, seen)
}

// Answers of one instant are steps of their own, and so are those that have none:
// they come between those around them.
func TestPlayer_InstantsThatAreNone(t *testing.T) {
	t.Parallel()
	const off = `{"schema_version":1,"enabled":false}`
	const first = 1_780_315_200 // 2026-06-01 12:00:00
	// at is when each step comes, in seconds after the first, and shown what those say that say it.
	for name, tc := range map[string]struct {
		recording        string
		tasks, at, shown []int64
	}{
		"an instant twice": {threeSteps + threeSteps, []int64{1, 2, 3, 1, 2, 3}, []int64{0, 5, 15, 15, 20, 30}, []int64{0, 5, 15, 0, 5, 15}},
		"switched off":     {off + off, []int64{0, 0}, []int64{0, 1}, nil},
		"before":           {off + off + threeSteps, []int64{0, 0, 1, 2, 3}, []int64{0, 1, 2, 7, 17}, []int64{0, 5, 15}},
		"after":            {threeSteps + off + off, []int64{1, 2, 3, 0, 0}, []int64{0, 5, 15, 16, 17}, []int64{0, 5, 15}},
		"between":          {strings.Replace(threeSteps, "\n\n", off+off+off+off, 1), []int64{1, 2, 0, 0, 0, 0, 3}, []int64{0, 5, 7, 9, 11, 13, 15}, []int64{0, 5, 15}},
		"by hand":          {`{"schema_version":1,"stages":[{"task_id":9}]}`, []int64{9}, []int64{0}, []int64{1}},
		"by hand, twice":   {strings.Repeat(`{"schema_version":1,"stages":[{"task_id":9}]}`, 2), []int64{9, 9}, []int64{0, 1}, []int64{1, 2}},
	} {
		synctest.Test(t, func(t *testing.T) {
			player := play(t, tc.recording, replay.Options{})
			assert.Equal(t, len(tc.tasks), read(t, tc.recording).Steps(), name)
			var tasks, shown []int64
			for range tc.tasks {
				envelope := scrape(t, player)
				if envelope.Disabled {
					tasks = append(tasks, 0)
					continue
				}
				assert.Equal(t, envelope.GeneratedAt, envelope.Clock.Time(), name)
				tasks, shown = append(tasks, envelope.Stages[0].TaskID), append(shown, envelope.GeneratedAt.Unix()-first)
			}
			assert.Equal(t, tc.tasks, tasks, name)
			assert.Equal(t, tc.shown, shown, name)

			byTime := play(t, tc.recording, replay.Options{ByTime: true})
			task := func() (id int64) {
				if envelope := scrape(t, byTime); !envelope.Disabled {
					id = envelope.Stages[0].TaskID
				}
				return id
			}
			for second := range tc.at[len(tc.at)-1] + 1 {
				step := 0
				for step+1 < len(tc.at) && tc.at[step+1] <= second {
					step++
				}
				assert.Equal(t, tc.tasks[step], task(), "%s, after %d s", name, second)
				time.Sleep(time.Second)
			}
		})
	}
}

// beside is a live service that is asked.
type beside struct {
	nothingLive

	asked func(ctx context.Context, keys []string) (domain.Envelope, error)
}

func (b beside) Snapshot(ctx context.Context, keys ...string) (domain.Envelope, error) {
	return b.asked(ctx, keys)
}

// What is live beside a step is of the step's instant, also where scrapes overlap.
func TestPlayer_LiveSectionsAreOfTheStepsInstant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := read(t, threeSteps)
		live := beside{nothingLive{append(r.Keys(), "live")}, func(ctx context.Context, _ []string) (domain.Envelope, error) {
			at, given := ports.InstantOf(ctx)
			assert.True(t, given)
			time.Sleep(time.Second)
			return domain.Envelope{
				Extensions: []domain.Extension{{Key: "live", Value: fmt.Append(nil, at.UnixMS)}},
				Sections:   map[string]domain.SectionReport{"live": {Status: domain.StatusOK}},
			}, nil
		}}
		player := replay.NewPlayer(r, live, replay.Options{}, nil)
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				envelope := scrape(t, player, "stages", "live")
				assert.Equal(t, strconv.FormatInt(envelope.Clock.UnixMS, 10), string(envelope.Extensions[0].Value))
			})
		}
		group.Wait()

		_, err := replay.NewPlayer(r, beside{nothingLive{r.Keys()}, func(context.Context, []string) (domain.Envelope, error) {
			return domain.Envelope{}, ports.ErrUnknownSection // it has gone since the keys were asked for
		}}, replay.Options{}, nil).Snapshot(t.Context())
		require.ErrorIs(t, err, ports.ErrUnknownSection)
	})
}

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

// A key that some answer has is known in all of them.
func TestPlayer_KeysThatComeAndGo(t *testing.T) {
	t.Parallel()
	const with, without = `{"schema_version":1,"zz":[1]}`, `{"schema_version":1}`
	player := play(t, without+with+without, replay.Options{Loop: true})
	assert.Equal(t, []string{"stages", "queue", "agents", "cost", "zz"}, player.Keys())
	assert.NotContains(t, scrape(t, player).Sections, "zz", "as it was")
	assert.JSONEq(t, `[1]`, string(scrape(t, player).Extensions[0].Value))
	assert.Equal(t, domain.CodeNotRecorded, *scrape(t, player, "zz").Sections["zz"].Code)
	assert.Len(t, scrape(t, player, "zz", "zz").Extensions, 1)
}

// What is disabled now shows its default, whatever was recorded; the recording
// itself stays as it is.
func TestPlayer_Disabled(t *testing.T) {
	t.Parallel()
	const answer = `{"schema_version":1,"stages":[{"task_id":1}],"queue":{"depth":1},"agents":[{"job_id":1}],"cost":{},"zz":[1],"yy":2}`
	r := read(t, answer)
	keys := []string{"stages", "queue", "agents", "cost", "zz"}
	player := replay.NewPlayer(r, nothingLive{r.Keys()}, replay.Options{}, keys)
	envelope := scrape(t, player)
	for _, key := range keys {
		assert.Equal(t, domain.SectionReport{Status: domain.StatusDisabled}, envelope.Sections[key], key)
	}
	assert.Empty(t, envelope.Stages)
	assert.Nil(t, envelope.Queue)
	assert.Empty(t, envelope.Agents)
	assert.Nil(t, envelope.Cost)
	assert.Equal(t, []domain.Extension{{Key: "zz", Value: []byte("null")}, {Key: "yy", Value: []byte("2")}}, envelope.Extensions)
	whole := replay.NewPlayer(r, nothingLive{r.Keys()}, replay.Options{}, nil)
	assert.Equal(t, "[1]", string(scrape(t, whole).Extensions[0].Value))
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

// Whatever is read is played, and what is played is what the contract says: also
// if the steps are further apart than a duration can be.
func TestPlayer_ExtremeClocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const far = `{"schema_version":1,"generated_at":"0000-01-01T00:00:00Z"}{"schema_version":1,"generated_at":"9999-12-31T23:59:58Z"}` +
			`{"schema_version":1,"clock":{"unix_ms":0,"boottime_ms":0,"boot_id":"b"}}{"schema_version":1,"clock":{"unix_ms":1,"boottime_ms":9007199254740992,"boot_id":"b"}}` +
			`{"schema_version":1,"generated_at":"0000-01-01T00:00:00Z"}{"schema_version":1,"generated_at":"9999-12-31T23:59:58Z"}`
		for _, opts := range []replay.Options{{}, {Loop: true}, {ByTime: true}, {ByTime: true, Loop: true}} {
			player := play(t, far, opts)
			for range 10 {
				scrape(t, player)
				time.Sleep(4 * 365 * 24 * time.Hour)
			}
		}
	})
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
