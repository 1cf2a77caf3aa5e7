package procfs

import (
	"encoding/binary"
	"math"
	"math/bits"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// auxv is an auxiliary vector of this machine's words.
func auxv(words ...uint64) []byte {
	var content []byte
	for _, word := range words {
		if bits.UintSize == 32 {
			content = binary.NativeEndian.AppendUint32(content, uint32(word))
		} else {
			content = binary.NativeEndian.AppendUint64(content, word)
		}
	}
	return content
}

func TestParseClockTicks(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		want    int64
	}{
		"among others":          {auxv(33, 17, 6, 4096, 17, 250, 3, 9, 0, 0), 250},
		"not behind the end":    {auxv(6, 4096, 0, 0, 17, 100), 0},
		"17 as a value":         {auxv(6, 17, 100, 5, 0, 0), 0},
		"cut in the middle":     {auxv(6, 4096, 17), 0},
		"cut in a word":         {auxv(17, 100)[:bits.UintSize/8*2-1], 0},
		"0 ticks":               {auxv(17, 0, 0, 0), 0},
		"more than makes sense": {auxv(17, math.MaxInt32+1, 0, 0), 0},
		"empty":                 {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, parseClockTicks(c.content))
		})
	}
}

func TestParseBootTime(t *testing.T) {
	seconds, ok := parseBootTime([]byte("cpu  1 2 3\nintr 9 btime 5\nctxt 7\nbtime 1795458617\nprocesses 3\n"))
	assert.True(t, ok)
	assert.Equal(t, int64(1795458617), seconds)
	for _, content := range []string{"", "cpu 1\n", "btime\n", "btime x\n", "btime -1\n", "btime 253402300800\n", "btime 99999999999999999999\n"} {
		_, ok := parseBootTime([]byte(content))
		assert.False(t, ok, "%q", content)
	}
}

func TestStartedAt(t *testing.T) {
	got := startedAt(1795458617, 1099, 100)
	require.NotNil(t, got)
	assert.Equal(t, time.Date(2026, 11, 23, 18, 30, 27, 0, time.UTC), *got)
	assert.Nil(t, startedAt(1795458617, maxStart, 1), "a year after 9999 has no JSON")
	last := startedAt(lastUnixSecond, 0, 100)
	require.NotNil(t, last)
	_, err := last.MarshalJSON()
	require.NoError(t, err)
}

func TestAppendPIDs(t *testing.T) {
	pids, err := appendPIDs([]int64{5}, []byte("17 4194304 3 "))
	require.NoError(t, err)
	assert.Equal(t, []int64{5, 17, 4194304, 3}, pids)
	pids, err = appendPIDs(nil, nil)
	require.NoError(t, err)
	assert.Empty(t, pids)
	_, err = appendPIDs(nil, []byte("17 0 "))
	require.ErrorIs(t, err, errUnseen)
	for _, list := range []string{"x", "-1 ", "4194305 ", "1.5", "99999999999999999999"} {
		_, err := appendPIDs(nil, []byte(list))
		require.ErrorIs(t, err, errNotPIDs, "%q", list)
	}
}

// TestSumsStayInRange holds the bounds of the fields to their promise.
func TestSumsStayInRange(t *testing.T) {
	biggest := stat{utime: maxTicks, stime: maxTicks, cutime: maxTicks, cstime: maxTicks, rssPages: maxPages}
	one := biggest.utime + biggest.stime + biggest.cutime + biggest.cstime
	assert.Positive(t, one*4096)
	assert.Equal(t, one, one*4096/4096)
	const largestPage = 64 << 10
	assert.Equal(t, int64(maxPages), biggest.rssPages*largestPage/largestPage)
}

func TestValidPID(t *testing.T) {
	for pid, want := range map[int64]bool{
		1: true, 4194304: true, 0: false, -1: false, 4194305: false, math.MaxInt64: false, math.MinInt64: false,
	} {
		assert.Equal(t, want, validPID(pid), "%d", pid)
	}
}
