package perf

import (
	"time"

	"golang.org/x/sys/unix"
)

// boottimeMS is CLOCK_BOOTTIME in milliseconds, see clock_gettime(2).
func boottimeMS() *int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return nil
	}
	return new(now.Nano() / int64(time.Millisecond))
}
