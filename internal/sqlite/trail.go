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
	switch n, err := unix.Pread(file, header[:], 0); {
	case err != nil, n == 0:
		return logHeader{} // an empty log is none
	case n < len(header):
		return logHeader{damaged: true}
	}
	magic := binary.BigEndian.Uint32(header[0:])
	if magic&^1 != logMagic || !checksumFits(header[:], magic&1 == 1) {
		return logHeader{damaged: true}
	}
	return logHeader{
		known:  true,
		salt:   binary.BigEndian.Uint32(header[16:]),
		random: binary.BigEndian.Uint32(header[20:]),
	}
}

// checksumFits sums the first 24 bytes as SQLite does.
func checksumFits(header []byte, bigEndian bool) bool {
	var order binary.ByteOrder = binary.LittleEndian
	if bigEndian {
		order = binary.BigEndian
	}
	var a, b uint32
	for i := 0; i < 24; i += 8 {
		a += order.Uint32(header[i:]) + b
		b += order.Uint32(header[i+4:]) + a
	}
	return a == binary.BigEndian.Uint32(header[24:]) && b == binary.BigEndian.Uint32(header[28:])
}

// follows tells whether a log may be what became of another one.
func (h logHeader) follows(before logHeader) bool {
	grown := h.salt - before.salt
	return grown <= restarts && (grown > 0 || h.random == before.random)
}

// restarts is how many times a log may begin anew between two views.
const restarts = 1 << 16

// trail is what the last view saw that tells whether the database of the next one
// has gone on from there, or was replaced, or put back to an older state.
type trail struct {
	seen    bool
	id      fileID
	db      mark
	wal     fileID // of the log's file; zero for a database at rest
	log     logHeader
	pending bool
}

// breaks notes what a view sees, which began after the files were found, and tells
// whether the trail breaks. What cannot be told is no break: a database with a
// rollback journal leaves none.
func (t *trail) breaks(found files, atRest bool) bool {
	now := trail{seen: true, id: found.id, db: markOf(found.db)}
	switch {
	case atRest:
	case found.wal == nil:
		return false
	default:
		now.wal, now.pending = found.walID, found.pending()
		if found.log.known && readLogHeader(found.path+"-wal") == found.log { // else it begins anew just now
			now.log = found.log
		}
	}
	before := *t
	*t = now
	switch {
	case !before.seen, before.id != now.id:
		return false // another file is another database, which needs no sign
	case now.wal != before.wal, now.wal == fileID{}:
		// Who closed the database wrote the log into it and removed it, as whoever
		// puts another one in its place has to.
		return before.db != now.db || before.pending
	case !now.log.known:
		t.log = before.log
		return false
	default:
		return before.log.known && !now.log.follows(before.log)
	}
}
