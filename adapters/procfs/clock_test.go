package procfs

import (
	"encoding/binary"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClockTellsTheWallClock(t *testing.T) {
	before := time.Now().UnixMilli()
	now := NewClock(t.TempDir()).Now()
	assert.GreaterOrEqual(t, now.UnixMS, before)
	assert.LessOrEqual(t, now.UnixMS, time.Now().UnixMilli())
}

func TestClockBootID(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    *string
	}{
		"trimmed":  {" 33b2754c-0d2d-4662-bfd1-0e608f195a83\n", new("33b2754c-0d2d-4662-bfd1-0e608f195a83")},
		"empty":    {"", nil},
		"blank":    {" \n", nil},
		"too long": {strings.Repeat("x", maxBootID+1), nil},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			dir := filepath.Join(root, "sys", "kernel", "random")
			require.NoError(t, os.MkdirAll(dir, 0o755))
			clock := NewClock(root)
			assert.Nil(t, clock.Now().BootID, "before there is a file")
			require.NoError(t, os.WriteFile(filepath.Join(dir, "boot_id"), []byte(c.content), 0o644))
			assert.Equal(t, c.want, clock.Now().BootID)
			require.NoError(t, os.RemoveAll(dir))
			assert.Equal(t, c.want, clock.Now().BootID, "it is read once")
		})
	}
}

// TestNothingWaits: where a FIFO took the place of a file of the mount, nothing
// waits for somebody to write to it.
func TestNothingWaits(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"sys/kernel/random/boot_id", "self/auxv", "stat"} {
		path := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, syscall.Mkfifo(path, 0o600))
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		assert.Nil(t, NewClock(root).Now().BootID)
		reader := New(root)
		assert.Nil(t, reader.ClockTicks())
		_, err := readBounded(filepath.Join(root, "stat"), 100)
		assert.ErrorIs(t, err, errNotRegular)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		require.Fail(t, "something waits for a FIFO")
	}
}

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
