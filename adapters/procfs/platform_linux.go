package procfs

import (
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// maxAuxv bounds the auxiliary vector, which has some 25 entries of 16 bytes.
const maxAuxv = 1 << 14

// hostClockTicks is the number of clock ticks in a second, 0 if unknown.
func hostClockTicks(root string) int64 {
	auxv, err := readBounded(filepath.Join(root, "self", "auxv"), maxAuxv)
	if err != nil {
		return 0
	}
	return parseClockTicks(auxv)
}

// boottimeMS is CLOCK_BOOTTIME in milliseconds; see clock_gettime(2).
func boottimeMS() *int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return nil
	}
	return new(now.Nano() / int64(time.Millisecond))
}
