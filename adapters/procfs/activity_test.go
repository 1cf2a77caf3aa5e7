package procfs

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// ioOfKernel is as Linux 6.18 wrote it.
const ioOfKernel = "rchar: 6994\nwchar: 18\nsyscr: 12\nsyscw: 1\nread_bytes: 4096\nwrite_bytes: 0\ncancelled_write_bytes: 0\n"

func TestParseActivityOfKernel(t *testing.T) {
	runNS, timeSlices, err := parseSchedstat([]byte("1930620 717927 28\n"))
	require.NoError(t, err)
	assert.Equal(t, []int64{1930620, 28}, []int64{runNS, timeSlices})
	readBytes, writtenBytes, err := parseIO([]byte(ioOfKernel))
	require.NoError(t, err)
	assert.Equal(t, []int64{6994, 18}, []int64{readBytes, writtenBytes}, "not what disks did")
}

func TestParseActivityRefuses(t *testing.T) {
	for _, line := range []string{"", "\n", "1 2\n", "1 2 3 4\n", "x 2 3\n", "1 2 x\n", "-1 2 3\n", "1 2 -3\n", "9223372036854775808 2 3\n", "1 2 0x3\n", "1.5 2 3\n"} {
		_, _, err := parseSchedstat([]byte(line))
		require.ErrorIs(t, err, errNotSchedstat, "%q", line)
	}
	for _, content := range []string{"", "rchar: 1\n", "wchar: 1\n", "rchar: x\nwchar: 1\n", "rchar: 1\nwchar: -1\n", "rchar 1\nwchar 1\n", "rchar: 9223372036854775808\nwchar: 1\n"} {
		_, _, err := parseIO([]byte(content))
		require.ErrorIs(t, err, errNotIO, "%q", content)
	}
}

func TestParseActivityRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.Int64Range(0, math.MaxInt64)
		first, other, second := count.Draw(t, "first"), count.Draw(t, "other"), count.Draw(t, "second")
		runNS, timeSlices, err := parseSchedstat(fmt.Appendf(nil, "%d %d %d\n", first, other, second))
		require.NoError(t, err)
		readBytes, writtenBytes, err := parseIO(fmt.Appendf(nil, "rchar: %d\nwchar: %d\nsyscr: %d\n", first, second, other))
		require.NoError(t, err)
		for _, got := range []int64{runNS, readBytes} {
			require.Equal(t, first, got)
		}
		for _, got := range []int64{timeSlices, writtenBytes} {
			require.Equal(t, second, got)
		}
	})
}

// FuzzParseActivity: whatever a file has, a counter is not below zero.
func FuzzParseActivity(f *testing.F) {
	for _, content := range []string{"1930620 717927 28\n", ioOfKernel, "", "rchar: \n", "wchar: 1\nrchar: 2\nrchar: -3\n"} {
		f.Add([]byte(content))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		runNS, timeSlices, scheduled := parseSchedstat(content)
		readBytes, writtenBytes, read := parseIO(content)
		assert.False(t, scheduled == nil && read == nil, "it is one or the other")
		for _, got := range []int64{runNS, timeSlices, readBytes, writtenBytes} {
			assert.GreaterOrEqual(t, got, int64(0))
		}
	})
}
