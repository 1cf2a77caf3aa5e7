package procfs

import (
	"bytes"
	"strconv"
	"time"
)

// lastUnixSecond is the end of the year 9999, after which a time has no JSON.
const lastUnixSecond = 253402300799

// parseBootTime finds the boot time in the content of /proc/stat, in seconds
// since 1970-01-01 UTC: the line "btime 769041601" of proc_stat(5).
func parseBootTime(content []byte) (seconds int64, ok bool) {
	for line := range bytes.Lines(content) {
		value, found := bytes.CutPrefix(line, []byte("btime "))
		if !found {
			continue
		}
		seconds, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
		return seconds, err == nil && seconds >= 0 && seconds <= lastUnixSecond
	}
	return 0, false
}

// startedAt puts start ticks since boot on the wall clock, in whole seconds,
// UTC. It is nil for a time that no calendar in JSON can show.
func startedAt(bootTime, startTicks, clockTicks int64) *time.Time {
	sinceBoot := startTicks / clockTicks
	if sinceBoot > lastUnixSecond-bootTime {
		return nil
	}
	return new(time.Unix(bootTime+sinceBoot, 0).UTC())
}
