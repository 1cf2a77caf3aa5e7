//go:build !linux

package procfs

import (
	"context"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// hostClockTicks is unknown: only Linux has /proc/self/auxv.
func hostClockTicks(string) int64 { return 0 }

// boottimeMS is nil: only Linux has CLOCK_BOOTTIME.
func boottimeMS() *int64 { return nil }

func (r *Reader) sample(_ context.Context, pids []int64, samples []ports.Sample) error {
	for i, pid := range pids {
		samples[i] = withStatus(domain.ProcessUnsupported)
		if !validPID(pid) {
			samples[i] = withStatus(domain.ProcessGone)
		}
	}
	return nil
}
