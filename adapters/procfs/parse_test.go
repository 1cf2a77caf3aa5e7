package procfs

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
