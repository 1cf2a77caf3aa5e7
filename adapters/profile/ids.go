package profile

import (
	"crypto/sha256"
	"encoding/binary"
)

// idOf is the number that stands for an id that is none: the first 53 bits of its
// SHA-256, which a float holds as it is; 1 where that is 0.
func idOf(ref string) int64 {
	const bits = 53
	sum := sha256.Sum256([]byte(ref))
	return max(1, int64(binary.BigEndian.Uint64(sum[:8])>>(64-bits))) // 53 bits fit
}
