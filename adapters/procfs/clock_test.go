package procfs

import (
	"os"
	"path/filepath"
	"strings"
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
