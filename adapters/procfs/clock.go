package procfs

import (
	"bytes"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// maxBootID bounds the boot id: a UUID of 36 characters and a newline.
const maxBootID = 64

var _ ports.Clock = (*Clock)(nil)

// Clock tells the time by the host's clocks. It is safe for concurrent use.
type Clock struct {
	path   string
	bootID atomic.Pointer[string] // once it is known: no process outlives its boot
}

// NewClock returns a clock that takes the boot id from the proc filesystem
// mounted at root, such as "/proc".
func NewClock(root string) *Clock {
	return &Clock{path: filepath.Join(root, "sys", "kernel", "random", "boot_id")}
}

// Now returns the present instant: the wall clock and CLOCK_BOOTTIME, both in
// milliseconds, read one after the other, and the boot id. The boot time is
// nil where the platform has no such clock, the boot id until its file was there
// once, and neither empty nor longer than 64 bytes.
func (c *Clock) Now() domain.Instant {
	bootID := c.bootID.Load()
	if bootID == nil {
		bootID = readBootID(c.path)
		c.bootID.Store(bootID)
	}
	return domain.Instant{
		UnixMS:     time.Now().UnixMilli(),
		BoottimeMS: boottimeMS(),
		BootID:     bootID,
	}
}

func readBootID(path string) *string {
	content, err := readBounded(path, maxBootID)
	if err != nil {
		return nil
	}
	id := string(bytes.TrimSpace(content))
	if id == "" {
		return nil
	}
	return &id
}
