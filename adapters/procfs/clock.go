package procfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
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

// atClkTck is AT_CLKTCK of getauxval(3): the frequency of times(2), which is
// the unit of every time in /proc/pid/stat.
const atClkTck = 17

// parseClockTicks finds AT_CLKTCK in an auxiliary vector: pairs of native words,
// key and value, ended by the key 0. It is 0 if there is none that makes sense.
func parseClockTicks(auxv []byte) int64 {
	const word = bits.UintSize / 8
	for ; len(auxv) >= 2*word; auxv = auxv[2*word:] {
		key, value := nativeWord(auxv), nativeWord(auxv[word:])
		switch {
		case key == 0:
			return 0
		case key == atClkTck && value <= math.MaxInt32:
			return int64(value)
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

// lastUnixSecond is the end of the year 9999, after which a time has no JSON.
const lastUnixSecond = 253402300799

// parseBootTime finds the boot time in the content of /proc/stat, in seconds
// since 1970-01-01 UTC: the line "btime 769041601" of proc_stat(5).
func parseBootTime(content []byte) (seconds int64, ok bool) {
	for line := range bytes.Lines(content) {
		if value, found := bytes.CutPrefix(line, []byte("btime ")); found {
			return parseNumber(bytes.TrimSpace(value), 0, lastUnixSecond)
		}
	}
	return 0, false
}

// startedAt puts start ticks since boot on the wall clock, in whole seconds,
// UTC. It is nil where the boot time is unknown, and for a time that no calendar in
// JSON can show.
func startedAt(bootTime, startTicks, clockTicks int64) *time.Time {
	sinceBoot := startTicks / clockTicks
	if bootTime < 0 || sinceBoot > lastUnixSecond-bootTime {
		return nil
	}
	return new(time.Unix(bootTime+sinceBoot, 0).UTC())
}

var (
	// errTooLong means that a file is longer than the caller can believe.
	errTooLong = errors.New("file is too long")
	// errNotRegular means that there is something else where a file should be.
	errNotRegular = errors.New("not a regular file")
)

// readBounded reads a whole regular file of at most limit bytes. Files of /proc
// give their size as 0, so that only reading tells. A mount point may hold anything
// by mistake: what would wait for somebody else, as a FIFO does, is not opened.
func readBounded(path string, limit int64) ([]byte, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("find file: %w", err)
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("find %s: %w", path, errNotRegular)
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may be another by now
	if err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	defer func() { _ = file.Close() }() // only read: nothing is lost
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("read %s: %w", path, errTooLong)
	}
	return content, nil
}
