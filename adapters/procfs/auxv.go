package procfs

import (
	"encoding/binary"
	"math"
	"math/bits"
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
