package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/orchmetrics/orchmetrics/domain"
)

// file is what stat says of a file; the zero value is one that is not there.
type file struct {
	id       fileID
	there    bool
	mode     uint32 // its type and permissions, as in inode(7)
	uid, gid uint32
	size     int64
	// modified is when its content was last changed, and changed when anything of it
	// was, which nobody can set back; in nanoseconds.
	modified, changed int64
}

// files is what lies on disk where the database should be, found with stat
// alone. The database file itself is never opened here: closing it would drop
// every POSIX lock that this process holds on it (SQLite, "How To Corrupt",
// section 2.2).
type files struct {
	path string // with symbolic links resolved, as SQLite resolves them

	db, wal, shm, journal file
	log                   logHeader
	// pending tells whether the write-ahead log holds anything.
	pending bool
	// live tells whether both sidecars are there, as while the orchestrator runs. An
	// empty index is none. An empty log of another mode than the database's is left
	// alone: SQLite would change its mode when it opens it, and nothing is in it.
	live bool
}

// suffixes are what the names of the database and of the files beside it end in.
var suffixes = [...]string{"", "-wal", "-shm", "-journal"}

// inspect looks at the files, and refuses where reading could do harm. With an
// error it returns what it found on the way.
func inspect(path string) (files, error) {
	found := files{path: path}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return found, fileError("resolve database path", err)
	}
	found.path = resolved
	for i, it := range []*file{&found.db, &found.wal, &found.shm, &found.journal} {
		suffix := suffixes[i]
		switch *it, err = stat(resolved + suffix); {
		case i > 0 && errors.Is(err, fs.ErrNotExist): // a finding, not an error
		case err != nil:
			return found, fileError("find database"+suffix, err)
		case it.mode&unix.S_IFMT != unix.S_IFREG: // to open a pipe would wait for its other end
			return found, fmt.Errorf("find database%s: not a regular file: %w", suffix, domain.CodeDBUnreadable)
		// What root opens beside a database it gives to the database's owner: good for a file
		// that it creates, and without effect only on one that is his already.
		case os.Geteuid() == 0 && (it.uid != found.db.uid || it.gid != found.db.gid):
			return found, fmt.Errorf("check database owner: root would give the %s of %d:%d to %d:%d: %w",
				suffix, it.uid, it.gid, found.db.uid, found.db.gid, domain.CodeDBPermission)
		}
	}
	found.pending = found.wal.size > 0
	found.live = found.wal.there && found.shm.size > 0 && (found.pending || found.wal.mode == found.db.mode)
	switch {
	// SQLite takes an empty file for a database that is yet to be written, and removes
	// any -wal or -journal beside it as another's leftovers, even through a connection
	// that only reads.
	case found.db.size == 0 && found.pending:
		return found, fmt.Errorf("find database: the file is empty and its write-ahead log is not: %w", domain.CodeDBCorrupt)
	case found.db.size == 0:
		return found, fmt.Errorf("find database: the file is empty, there are no tables: %w", domain.CodeSchemaDrift)
	case found.pending:
		found.log = readLogHeader(resolved + "-wal")
	}
	return found, found.permitted()
}

// permitted refuses what we may not read, and what could lock the orchestrator
// out: SQLite creates a missing -wal even for a reader, and one that belongs to
// another user is not writable for the orchestrator.
func (f *files) permitted() error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := access(f.path+suffix, unix.R_OK); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read database%s: %w: %w", suffix, domain.CodeDBPermission, err)
		}
	}
	uid := os.Geteuid()
	if uid != 0 && uid != int(f.db.uid) && access(filepath.Dir(f.path), unix.W_OK) == nil {
		return fmt.Errorf("check database owner: uid %d may create files beside a database of uid %d: %w",
			uid, f.db.uid, domain.CodeDBPermission)
	}
	return nil
}

func fileError(action string, err error) error {
	code := domain.CodeDBUnreadable
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		code = domain.CodeDBMissing
	case errors.Is(err, fs.ErrPermission):
		code = domain.CodeDBPermission
	}
	return fmt.Errorf("%s: %w: %w", action, code, err)
}

// access asks for the effective user, as the kernel will when SQLite opens files.
func access(path string, mode uint32) error {
	return unix.Faccessat(unix.AT_FDCWD, path, mode, unix.AT_EACCESS)
}

// unchanged tells whether nothing on disk moved since the files were inspected.
func (f *files) unchanged() bool {
	now, err := inspect(f.path)
	return err == nil && now.db == f.db && now.wal == f.wal && now.shm.there == f.shm.there
}

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
