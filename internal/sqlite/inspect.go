package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/orchmetrics/orchmetrics/domain"
)

// files is what lies on disk where the database should be, found with stat
// alone. The database file itself is never opened here: closing it would drop
// every POSIX lock that this process holds on it (SQLite, "How To Corrupt",
// section 2.2).
type files struct {
	path string // with symbolic links resolved, as SQLite resolves them
	id   fileID
	db   fs.FileInfo
	wal  fs.FileInfo // nil if absent
	shm  fs.FileInfo // nil if absent
	// walID and log are of the write-ahead log, if there is one.
	walID fileID
	log   logHeader
}

// inspect looks at the files, and refuses where reading could do harm. With an
// error it returns what it found on the way.
func inspect(path string) (files, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return files{path: path}, fileError("resolve database path", err)
	}
	found := files{path: resolved}
	if found.db, err = os.Stat(resolved); err != nil {
		return found, fileError("find database", err)
	}
	if found.id, err = identify(resolved); err != nil {
		return found, fileError("identify database", err)
	}
	if !found.db.Mode().IsRegular() {
		return found, fmt.Errorf("find database: not a regular file: %w", domain.CodeDBUnreadable)
	}
	if found.wal, err = statIfExists(resolved + "-wal"); err != nil {
		return found, err
	}
	if found.wal != nil {
		found.walID, _ = identify(resolved + "-wal") // unless it is gone meanwhile
	}
	if found.shm, err = statIfExists(resolved + "-shm"); err != nil {
		return found, err
	}
	if _, err := statIfExists(resolved + "-journal"); err != nil {
		return found, err
	}
	if err := found.written(); err != nil {
		return found, err
	}
	if found.pending() {
		found.log = readLogHeader(resolved + "-wal")
	}
	return found, found.permitted()
}

func statIfExists(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // an absent sidecar is a finding, not an error
	}
	if err != nil {
		return nil, fileError("find sidecar file", err)
	}
	if !info.Mode().IsRegular() { // to open a pipe would wait for its other end
		return nil, fmt.Errorf("find sidecar file: not a regular file: %w", domain.CodeDBUnreadable)
	}
	return info, nil
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

// written refuses an empty file. SQLite takes one for a database that is yet to
// be written, and removes any -wal or -journal beside it as another's leftovers,
// even through a connection that only reads.
func (f files) written() error {
	switch {
	case f.db.Size() > 0:
		return nil
	case f.pending():
		return fmt.Errorf("find database: the file is empty and its write-ahead log is not: %w", domain.CodeDBCorrupt)
	default:
		return fmt.Errorf("find database: the file is empty, there are no tables: %w", domain.CodeSchemaDrift)
	}
}

// permitted refuses what we may not read, and what could lock the orchestrator
// out: SQLite creates a missing -wal even for a reader, and one that belongs to
// another user is not writable for the orchestrator.
func (f files) permitted() error {
	for path, info := range map[string]fs.FileInfo{f.path: f.db, f.path + "-wal": f.wal, f.path + "-shm": f.shm} {
		if info == nil {
			continue
		}
		if err := access(path, unix.R_OK); err != nil && !errors.Is(err, fs.ErrNotExist) { // gone meanwhile
			return fmt.Errorf("read %s: %w: %w", filepath.Base(path), domain.CodeDBPermission, err)
		}
	}
	owner, known := f.db.Sys().(*syscall.Stat_t)
	switch uid := os.Geteuid(); {
	case !known:
		return nil
	case uid == 0:
		return f.givenTo(owner)
	case int64(uid) != int64(owner.Uid) && access(filepath.Dir(f.path), unix.W_OK) == nil:
		return fmt.Errorf("check database owner: uid %d may create files beside a database of uid %d: %w",
			uid, owner.Uid, domain.CodeDBPermission)
	default:
		return nil
	}
}

// givenTo refuses, for root, sidecar files of another owner than the database's.
// What root opens beside a database, SQLite gives to the database's owner: good
// for a file that it creates, and without effect only on one that is his already.
func (f files) givenTo(owner *syscall.Stat_t) error {
	journal, _ := statIfExists(f.path + "-journal") // with an error there is nothing to give
	for suffix, info := range map[string]fs.FileInfo{"-wal": f.wal, "-shm": f.shm, "-journal": journal} {
		if info == nil {
			continue
		}
		if its, known := info.Sys().(*syscall.Stat_t); known && (its.Uid != owner.Uid || its.Gid != owner.Gid) {
			return fmt.Errorf("check database owner: root would give the %s of %d:%d to %d:%d: %w",
				suffix, its.Uid, its.Gid, owner.Uid, owner.Gid, domain.CodeDBPermission)
		}
	}
	return nil
}

// access asks for the effective user, as the kernel will when SQLite opens files.
func access(path string, mode uint32) error {
	return unix.Faccessat(unix.AT_FDCWD, path, mode, unix.AT_EACCESS)
}

// live tells whether both sidecars are there, as while the orchestrator runs. An
// empty index is none. An empty log of another mode than the database's is left
// alone: SQLite would change its mode when it opens it, and nothing is in it.
func (f files) live() bool {
	return f.wal != nil && f.shm != nil && f.shm.Size() > 0 && (f.pending() || f.wal.Mode() == f.db.Mode())
}

// pending tells whether the write-ahead log holds anything.
func (f files) pending() bool { return f.wal != nil && f.wal.Size() > 0 }

// replaced tells whether another file lies where the database was found: then it is
// that one which was opened.
func (f files) replaced() error {
	now, err := identify(f.path)
	if err != nil {
		return fileError("identify database", err)
	}
	if now != f.id {
		return fmt.Errorf("open database: %w: it was replaced meanwhile", domain.CodeDBBusy)
	}
	return nil
}

// unchanged tells whether nothing on disk moved since the files were inspected.
func (f files) unchanged() bool {
	now, err := inspect(f.path)
	return err == nil && now.stamp() == f.stamp()
}

// stamp is what the files look like.
type stamp struct {
	id      fileID
	db, wal mark
	shm     bool
}

type mark struct {
	there   bool
	size    int64
	changed int64 // in nanoseconds
}

func (f files) stamp() stamp {
	return stamp{id: f.id, db: markOf(f.db), wal: markOf(f.wal), shm: f.shm != nil}
}

func markOf(info fs.FileInfo) mark {
	if info == nil {
		return mark{}
	}
	return mark{there: true, size: info.Size(), changed: info.ModTime().UnixNano()}
}
