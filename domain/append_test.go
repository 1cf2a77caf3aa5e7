package domain

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestAppend_IsWhatReflectionWrites: a field that is added to a type and not to
// its append function, or a text escaped otherwise, fails here.
func TestAppend_IsWhatReflectionWrites(t *testing.T) {
	t.Parallel()
	text := rapid.Ptr(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a\"b\\c", "<&>", "\x7f\x00\u2028", "bad \xff\xfe"})), true)
	number := rapid.Ptr(rapid.Int64(), true)
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(-62167219200, 253402300799).Draw(t, "s"), rapid.SampledFrom([]int64{0, 5e8, 1}).Draw(t, "ns")).UTC()
	})
	rapid.Check(t, func(t *rapid.T) {
		process := rapid.Ptr(rapid.Custom(func(t *rapid.T) Process {
			return Process{
				Status: ProcessStatus(*rapid.Ptr(rapid.String(), false).Draw(t, "status")), State: text.Draw(t, "state"),
				StartTicks: number.Draw(t, "start"), StartedAt: rapid.Ptr(moment, true).Draw(t, "started"), Threads: number.Draw(t, "threads"),
				RSSBytes: number.Draw(t, "rss"), ChildrenCPUTicks: number.Draw(t, "children"), TreeCPUTicks: number.Draw(t, "tree"),
				TreeProcesses: number.Draw(t, "processes"), SampledBoottimeMS: number.Draw(t, "sampled"),
				RunNS: number.Draw(t, "run"), TimeSlices: number.Draw(t, "slices"), ReadBytes: number.Draw(t, "read"), WrittenBytes: number.Draw(t, "written"),
				TreeRunNS: number.Draw(t, "tree run"), TreeTimeSlices: number.Draw(t, "tree slices"), TreeReadBytes: number.Draw(t, "tree read"),
				TreeWrittenBytes: number.Draw(t, "tree written"),
			}
		}), true)
		agents := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Agent {
			return Agent{
				Agent: text.Draw(t, "agent"), RunID: number.Draw(t, "run"), JobID: rapid.Int64().Draw(t, "job"), Repo: text.Draw(t, "repo"),
				PID: number.Draw(t, "pid"), RuntimeS: number.Draw(t, "runtime"), Model: text.Draw(t, "model"), Effort: text.Draw(t, "effort"),
				CPUTicks: number.Draw(t, "ticks"), Process: process.Draw(t, "process"),
			}
		})).Draw(t, "agents")
		stages := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Stage {
			return Stage{
				WorkItem: text.Draw(t, "item"), Stage: rapid.String().Draw(t, "stage"), AgeInStageS: number.Draw(t, "age"),
				Repo: text.Draw(t, "repo"), TaskID: rapid.Int64().Draw(t, "task"),
			}
		})).Draw(t, "stages")

		got, ok := appendList(nil, agents, appendAgent)
		require.True(t, ok)
		want, err := json.Marshal(append([]Agent{}, agents...))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))

		got, ok = appendList(nil, stages, appendStage)
		require.True(t, ok)
		want, err = json.Marshal(append([]Stage{}, stages...))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	})
}

// TestAppend_LeavesOddTimes: encoding/json decides what becomes of them.
func TestAppend_LeavesOddTimes(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 6, 1, 0, 0, 0, 0, time.FixedZone("", 3600))} {
		_, ok := appendList(nil, []Agent{{Process: &Process{StartedAt: &at}}}, appendAgent)
		assert.False(t, ok)
	}
}
