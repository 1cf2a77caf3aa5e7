package procfs

import (
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
