package replay_test

import (
	"context"
	"encoding/json"
	"fmt"
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
