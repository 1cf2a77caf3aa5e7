package procfs

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
	"time"
)

// atClkTck is AT_CLKTCK of getauxval(3): the frequency of times(2), which is
// the unit of every time in /proc/pid/stat.
const atClkTck = 17

// parseClockTicks finds AT_CLKTCK in an auxiliary vector: pairs of native words,
// key and value, ended by the key 0. It is 0 if there is none that makes sense.
func parseClockTicks(auxv []byte) int64 {
	const word = bits.UintSize / 8
	for ; len(auxv) >= 2*word; auxv = auxv[2*word:] {
		switch key := nativeWord(auxv); key {
		case 0:
			return 0
		case atClkTck:
			return plausibleTicks(nativeWord(auxv[word:]))
		}
	}
	return 0
}

func nativeWord(b []byte) uint64 {
	if bits.UintSize == 32 {
		return uint64(binary.NativeEndian.Uint32(b))
	}
	return binary.NativeEndian.Uint64(b)
}

func plausibleTicks(value uint64) int64 {
	if value > math.MaxInt32 {
		return 0
	}
	return int64(value)
}

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
