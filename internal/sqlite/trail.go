package sqlite

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// logHeader is what the header of a write-ahead log says of its history
// (https://www.sqlite.org/fileformat2.html#the_write_ahead_log).
type logHeader struct {
	// known is set for a header whose checksum fits, damaged for a log without one.
	known, damaged bool
	// salt grows by one each time that the log begins anew, and begins at random
	// for one that is created.
	salt, random uint32
}

const (
	logHeaderBytes = 32
	logMagic       = 0x377f0682 // the lowest bit tells the order of bytes in checksums
)

// readLogHeader reads the header of the log at the path. SQLite's locks are on other
// files, so that to open and close this one loses none.
func readLogHeader(path string) logHeader {
	file, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return logHeader{}
	}
	defer unix.Close(file) //nolint:errcheck // nothing was written
	var header [logHeaderBytes]byte
	n, err := unix.Pread(file, header[:], 0)
	if err != nil || n == 0 {
		return logHeader{} // an empty log is none
	}
	word := func(at int) uint32 { return binary.BigEndian.Uint32(header[at:]) }
	var order binary.ByteOrder = binary.LittleEndian // of checksums
	if word(0)&1 == 1 {
		order = binary.BigEndian
	}
	var a, b uint32 // of the first 24 bytes, as SQLite sums them
	for i := 0; i < 24; i += 8 {
		a += order.Uint32(header[i:]) + b
		b += order.Uint32(header[i+4:]) + a
	}
	if n < len(header) || word(0)&^1 != logMagic || a != word(24) || b != word(28) {
		return logHeader{damaged: true}
	}
	return logHeader{known: true, salt: word(16), random: word(20)}
}

// restarts is how many times a log may begin anew between two views.
const restarts = 1 << 16

// trail is what the last view saw that tells whether the database of the next one
// has gone on from there, or was replaced, or put back to an older state.
type trail struct {
	db      file
	wal     fileID // of the log's file; zero for a database at rest
	log     logHeader
	pending bool
}

// breaks notes what a view sees, which began after the files were found, and tells
// whether the trail breaks. What cannot be told is no break: a database with a
// rollback journal leaves none.
func (t *trail) breaks(found files, atRest bool) bool {
	now := trail{db: found.db}
	switch {
	case atRest:
	case !found.wal.there:
		return false
	default:
		now.wal, now.pending = found.wal.id, found.pending
		if found.log.known && readLogHeader(found.path+"-wal") == found.log { // else it begins anew just now
			now.log = found.log
		}
	}
	before := *t
	*t = now
	switch {
	case before.db.id != now.db.id:
		return false // another file is another database, which needs no sign
	case now.wal != before.wal, now.wal == fileID{}:
		// Who closed the database wrote the log into it and removed it, as whoever
		// puts another one in its place has to.
		return before.db.size != now.db.size || before.db.modified != now.db.modified || before.pending
	case !now.log.known:
		t.log = before.log
		return false
	default:
		// The salt of a log that goes on grows each time that it begins anew.
		grown := now.log.salt - before.log.salt
		return before.log.known && (grown > restarts || grown == 0 && now.log.random != before.log.random)
	}
}
